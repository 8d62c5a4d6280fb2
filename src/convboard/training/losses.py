"""Losses over logits `[N, num_classes]` and labels `[N]`; each returns the mean over the samples."""

import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from torch import Tensor, nn


class OneHotMSE(nn.Module):
    """Mean squared error between the logits and the one-hot labels, as in the first LeNet tutorials."""

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the mean over samples and classes, 0-dimensional."""
        targets = F.one_hot(labels, logits.shape[1])
        return F.mse_loss(logits.float(), targets.float())


def build_loss(name: str, label_smoothing: float = 0.0) -> nn.Module:
    """Return a loss as a module of (logits, labels).

    Args:
        name: `cross_entropy`, or `mse` on one-hot labels.
        label_smoothing: Share of each label that is spread over all classes; `cross_entropy` only.
    """
    if name == "mse":
        return OneHotMSE()
    assert name == "cross_entropy", name
    return nn.CrossEntropyLoss(label_smoothing=label_smoothing)
