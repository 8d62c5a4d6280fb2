"""What the board imports from TensorBoard when it first needs it: for a process from which others are forked."""

import torch.utils.tensorboard._pytorch_graph  # noqa: F401
