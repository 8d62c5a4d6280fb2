"""Images and labels: sources, splits, batches and augmentation. Knows nothing of models, configs or TensorBoard.

Nothing is exported here, so that `options` can be imported without torch.
"""
