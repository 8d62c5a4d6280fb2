"""Where images come from, and how a batch is made of them. Knows nothing of models, configs or TensorBoard."""
