"""What a run imports when it first needs it: for a process from which others are forked."""

import numpy.random  # noqa: F401
import torch.utils.tensorboard._pytorch_graph  # noqa: F401
