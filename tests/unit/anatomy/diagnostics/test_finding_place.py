"""The user's line that a finding is about where no exception names one."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convboard.anatomy.check import check_fit
from convboard.anatomy.diagnostics.diagnosis import DiagnosedError, Diagnosis
from convboard.anatomy.origin import Origin
from diagnosed_networks import SHAPE, found


class Classifier(nn.Module):
    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.fc = nn.Linear(
            16,
            classes,
        )

    def forward(self, x: Tensor) -> Any:
        return self.fc(x.flatten(1))


class Pair(Classifier):
    def forward(self, x: Tensor) -> Any:
        if x.ndim == 3:
            return x
        return {"probabilities": self.fc(x.flatten(1)).softmax(1), "scores": self.fc(x.flatten(1))}


class Forgets(Classifier):
    def forward(self, x: Tensor) -> Any:
        x = self.fc(x.flatten(1))


class LosesTheBatch(Classifier):
    def forward(self, x: Tensor) -> Any:
        x = x.reshape(-1, 8)
        x = torch.cat([x, x], 1)
        return self.fc(x)


def built(network: type[nn.Module], **arguments: Any) -> Diagnosis:
    with pytest.raises(DiagnosedError) as raised:
        check_fit(network(**arguments), SHAPE, 10, Origin(network, arguments))
    return raised.value.diagnosis


@pytest.mark.parametrize(
    ("network", "classes", "line"),
    [
        (Classifier, 5, "self.fc = nn.Linear("),
        (Pair, 10, 'return {"probabilities": self.fc(x.flatten(1)).softmax(1), "scores": self.fc(x.flatten(1))}'),
        (Forgets, 10, "x = self.fc(x.flatten(1))"),
        (LosesTheBatch, 10, "x = x.reshape(-1, 8)"),
    ],
)
def test_the_line_of_an_output_that_does_not_fit(network: type[nn.Module], classes: int, line: str) -> None:
    diagnosis = built(network, classes=classes)
    assert diagnosis.place is not None
    assert diagnosis.place[0].startswith("tests/unit/anatomy/diagnostics/test_finding_place.py, line ")
    assert diagnosis.place[1] == line


def test_the_scores_among_several_outputs_are_those_before_the_softmax() -> None:
    assert built(Pair, classes=10).remedies[0].startswith("let Pair.forward return what stands under 'scores' alone")


def test_a_network_without_code_of_the_user() -> None:
    assert found(nn.Sequential(nn.Flatten(), nn.Linear(16, 5))).place is None
