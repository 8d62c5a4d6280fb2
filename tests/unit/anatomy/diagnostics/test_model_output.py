"""Rules for outputs."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import Tensor, nn

from convboard.anatomy.check import check_fit
from convboard.anatomy.diagnostics.diagnose import diagnose
from diagnosed_networks import SHAPE, LambdaNetwork, found, scores

Line = Callable[[Any, Tensor], Any]


def test_wrong_number_of_classes() -> None:
    diagnosis = found(nn.Sequential(nn.Flatten(), nn.Linear(16, 7)))
    assert (diagnosis.kind, diagnosis.layer) == ("num_classes", "1")
    assert diagnosis.reason == "The network gives 7 scores an image (out_features of 1), but the data has 10 classes."
    assert diagnosis.remedies == ("write nn.Linear(16, 10) for 1",)
    check_fit(nn.Sequential(nn.Flatten(), nn.Linear(16, 10)), SHAPE, 10)
    assert diagnose(nn.Sequential(nn.Flatten(), nn.Linear(16, 7)), SHAPE) is None


def test_an_output_that_is_a_picture() -> None:
    diagnosis = found(nn.Conv2d(1, 10, 3), (1, 28, 28))
    assert diagnosis.reason == "The network gives [N, 10, 26, 26] instead of a row of 10 scores for each image."
    assert diagnosis.remedies == (
        "let it end with nn.AdaptiveAvgPool2d(1) and nn.Flatten(): the mean of each of the 10 pictures",
        "let it end with nn.Flatten() and nn.Linear(6760, 10): 10·26·26 = 6760 features",
    )
    for end in ([nn.AdaptiveAvgPool2d(1), nn.Flatten()], [nn.Flatten(), nn.Linear(6760, 10)]):
        check_fit(nn.Sequential(nn.Conv2d(1, 10, 3), *end), (1, 28, 28), 10)
    assert found(nn.Conv2d(1, 10, 4)).remedies == ("let it end with torch.flatten(x, 1), or nn.Flatten()",)


@pytest.mark.parametrize(
    ("line", "reason", "cure"),
    [
        (
            lambda m, x: (x, scores(m, x)),
            "a tuple of [N, 1, 4, 4], [N, 10] instead",
            "LambdaNetwork.forward return the second alone, which",
        ),
        (
            lambda m, x: {"logits": scores(m, x)},
            "a dict of 'logits': [N, 10]",
            "what stands under 'logits' alone",
        ),
        (lambda m, x: None, "The network returns nothing.", "return the scores of the classes, [N, 10]"),
        (lambda m, x: (x, x), "a tuple of [N, 1, 4, 4], [N, 1, 4, 4] instead", "return one tensor [N, 10] alone: the"),
        (
            lambda m, x: nn.ReLU(inplace=True),
            "returns a ReLU instead",
            "in __init__, self.layer = nn.ReLU(), and",
        ),
        (
            lambda m, x: scores(m, x).max(1),
            "returns a max of [N], [N]",
            "leave max out of LambdaNetwork.forward, and return",
        ),
        (lambda m, x: scores(m, x).softmax(0), "softmax runs along dim=0, the images of the batch", "leave it out"),
        (lambda m, x: F.log_softmax(scores(m, x), dim=-2), "log_softmax runs along dim=-2, the images", "leave it out"),
        (
            lambda m, x: scores(m, x)[:, :1].squeeze(),
            "gives [N] instead of a row of 10",
            "leave out getitem and squeeze behind layers.0",
        ),
        (lambda m, x: scores(m, x).argmax(1), "gives whole numbers (int64), [N]", "return the scores, without argmax"),
        (lambda m, x: scores(m, x).unsqueeze(1), "gives [N, 1, 10] instead of a row", "torch.flatten(x, 1)"),
    ],
    ids=[
        "tuple",
        "dict",
        "nothing",
        "pictures",
        "class",
        "max",
        "softmax",
        "log_softmax",
        "squeeze",
        "argmax",
        "dimensions",
    ],
)
def test_an_output_that_is_no_row_of_scores(line: Line, reason: str, cure: str) -> None:
    diagnosis = found(LambdaNetwork(line, nn.Linear(16, 10)))
    assert diagnosis.kind == "output"
    assert reason in diagnosis.reason
    assert cure in diagnosis.remedies[0]


def test_softmax_over_the_classes_is_no_mistake() -> None:
    for dim in (1, -1):
        assert diagnose(nn.Sequential(nn.Flatten(), nn.Linear(16, 10), nn.Softmax(dim)), SHAPE, 10) is None


def test_scores_of_a_class_that_cannot_be_changed() -> None:
    diagnosis = found(nn.Sequential(nn.Flatten(1), nn.LSTM(16, 10)))
    assert diagnosis.remedies == ("wrap it in a module of your own, whose forward ends with return self.net(x)[0]",)


def test_a_loss_instead_of_scores() -> None:
    labels = torch.zeros(2, dtype=torch.int64)
    diagnosis = found(LambdaNetwork(lambda m, x: F.cross_entropy(scores(m, x), labels), nn.Linear(16, 10)))
    assert diagnosis.reason == (
        "The network returns one number, the loss that cross_entropy computes, instead of the scores [N, 10]."
    )
    assert diagnosis.remedies[0].startswith("return what cross_entropy is given first, [N, 10]: the run computes")
