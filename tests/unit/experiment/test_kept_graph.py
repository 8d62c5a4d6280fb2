"""A network that keeps a tensor with its graph for the next step is told before training."""

from collections import deque
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convboard.errors import ModelError
from convboard.experiment.sanity_check import try_step
from training_setups import make_setup


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(64, 2)
        self.last: Any = None
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        hidden: Tensor = self.fc(images.flatten(1))
        return hidden


class Recurrent(Net):
    def forward(self, images: Tensor) -> Tensor:
        hidden = super().forward(images)
        if self.last is not None:
            hidden = hidden + self.last.mean()
        self.last = hidden
        return hidden


class Listing(Net):
    def forward(self, images: Tensor) -> Tensor:
        hidden = super().forward(images)
        self.seen.append(hidden.exp())
        return hidden + torch.stack([seen.mean() for seen in self.seen]).sum()


class Private(Net):
    _last: Tensor | None = None

    def forward(self, images: Tensor) -> Tensor:
        hidden = super().forward(images)
        if self._last is not None:
            hidden = hidden + self._last.mean()
        self._last = hidden
        return hidden


class Recent(Net):
    def __init__(self) -> None:
        super().__init__()
        self.recent: deque[Tensor] = deque(maxlen=2)

    def forward(self, images: Tensor) -> Tensor:
        hidden = super().forward(images)
        self.recent.appendleft(hidden)
        return hidden + torch.stack([recent.mean() for recent in self.recent]).sum()


class Gathering(Net):
    def __init__(self) -> None:
        super().__init__()
        self.gathered: set[Tensor] = set()

    def forward(self, images: Tensor) -> Tensor:
        hidden = super().forward(images)
        self.gathered.add(hidden)
        return hidden + torch.stack([hidden.mean() for hidden in self.gathered]).sum()


class Resetting(Net):
    def forward(self, images: Tensor) -> Tensor:
        hidden = super().forward(images)
        if self.last is not None and len(self.last) != len(hidden):
            self.last = None  # another batch size
        if self.last is not None:
            hidden = hidden + self.last
        self.seen, self.last = self.seen, hidden
        return hidden


class Looking(Net):
    def forward(self, images: Tensor) -> Tensor:
        self.last = super().forward(images)
        return self.last.exp()  # type: ignore[no-any-return]


class Detached(Recurrent):
    def forward(self, images: Tensor) -> Tensor:
        hidden = super().forward(images)
        self.last = self.last.detach()
        return hidden


@pytest.mark.parametrize(
    ("net", "name", "line"),
    [
        (Recurrent(), "Recurrent.last", "self.last = hidden"),
        (Listing(), "Listing.seen", r"self.seen.append\(hidden.exp\(\)\)"),
        (nn.Sequential(Recurrent()), "0.last", "self.last = hidden"),
        (Private(), "Private._last", "self._last = hidden"),
        (Resetting(), "Resetting.last", "self.seen, self.last = self.seen, hidden"),
        (Recent(), "Recent.recent", r"self.recent.appendleft\(hidden\)"),
        (Gathering(), "Gathering.gathered", r"self.gathered.add\(hidden\)"),
    ],
)
def test_a_kept_graph_is_told_with_its_line(net: nn.Module, name: str, line: str) -> None:
    with pytest.raises(ModelError, match=rf"^{name} keeps a .*\.detach\(\): test_kept_graph.py, line \d+, {line}\.$"):
        try_step(make_setup(net), (1, 8, 8), 100, "SGD")


@pytest.mark.parametrize("net", [Looking(), Detached(), Net()])
def test_no_false_alarm(net: nn.Module) -> None:
    assert try_step(make_setup(net), (1, 8, 8), 100, "SGD") is not None
