"""The training loop and what it stands on. Knows nothing of configs or of TensorBoard."""
