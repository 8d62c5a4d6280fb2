"""Networks with a slip that no error shows, and what is said of them."""

import copy
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from torch import Tensor, nn

from convboard.anatomy.diagnostics.training_observation import noise, observe
from convboard.anatomy.diagnostics.training_rules import network_warnings
from convboard.anatomy.diagnostics.training_warning import TrainingWarning

SHAPE = (1, 6, 6)
CLASSES = 10
CPU = torch.device("cpu")

Part = Callable[[Any, Tensor], Tensor]


class Net(nn.Module):
    """A convolution, a hidden layer of 8 units and the scores; each argument replaces or adds a part of the forward.

    Args:
        end: From the hidden units to the scores.
        middle: What is done to the hidden units.
        start: What is done to the images.
        features: From the images to the hidden units.
        **members: More layers, tensors and other attributes.
    """

    def __init__(
        self,
        end: Part = lambda net, x: net.fc(x),
        middle: Part = lambda _, x: x,
        start: Part = lambda _, x: x,
        features: Part = lambda net, x: F.relu(net.hidden(F.relu(net.conv(x)).flatten(1))),
        **members: Any,
    ) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.hidden = nn.Linear(4 * 36, 8)
        self.fc = nn.Linear(8, CLASSES)
        self.parts = (start, features, middle, end)
        for name, value in members.items():
            setattr(self, name, value)

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores, [N, 10]."""
        for part in self.parts:
            images = part(self, images)
        return images


def warnings_of(
    model: nn.Module, is_cross_entropy: bool = True, optimized: nn.Module | None = None
) -> list[TrainingWarning]:
    """Return what is wrong with a network, after a step of a copy by SGD on noise.

    Args:
        model: The network.
        is_cross_entropy: Whether the loss is cross entropy.
        optimized: The part of the network whose parameters the optimizer has; None for all.
    """
    stepped, part = copy.deepcopy((model, optimized or model))
    optimizer = torch.optim.SGD(part.parameters(), lr=0.1)
    trained = frozenset(id(weight) for weight in part.parameters())
    images = noise(SHAPE, 2, CPU)
    training = observe(stepped.train(), images, lambda network, x: network(x), is_cross_entropy, trained)
    F.cross_entropy(training.run.output, torch.arange(2)).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return list(network_warnings(model, SHAPE, CPU, training, is_cross_entropy))


def warning_of(model: nn.Module, **arguments: Any) -> TrainingWarning:
    """Return the only warning of a network."""
    (found,) = warnings_of(model, **arguments)
    return found
