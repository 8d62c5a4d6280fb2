"""The exception tree, and how a message ends."""

import inspect

import pytest

from convboard import errors
from convboard.errors import ConvboardError, nearest, similar

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if kind.__module__ == errors.__name__ and kind is not ConvboardError
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_stands_in_the_tree_and_is_caught_by_its_base(kind: type[ConvboardError]) -> None:
    assert issubclass(kind, ConvboardError)
    assert f"── {kind.__name__} " in str(errors.__doc__)


def test_a_user_s_mistake_is_a_value_error() -> None:
    assert issubclass(ConvboardError, ValueError)


@pytest.mark.parametrize(
    ("given", "allowed", "expected"),
    [
        ("lenett", ["resnet18", "lenet"], "Did you mean 'lenet'? Allowed: lenet, resnet18."),
        ("vgg", ["resnet18", "lenet"], "Allowed: lenet, resnet18."),
        ("", ["lenet"], "Allowed: lenet."),
    ],
)
def test_the_nearest_name_comes_first_then_all_of_them(given: str, allowed: list[str], expected: str) -> None:
    assert nearest(given, allowed) == expected


def test_of_many_names_only_the_nearest_are_told() -> None:
    assert nearest("layer3", (f"layer{number}" for number in range(30))) == (
        "Did you mean 'layer3'? Allowed: layer13, layer2, layer23, layer3, layer4, layer5, layer6, layer7, layer8, "
        "layer9, and 20 more."
    )


def test_a_synonym_comes_before_what_looks_similar() -> None:
    assert nearest("GPU", ["cpu", "cuda"], {"gpu": "cuda"}) == "Did you mean 'cuda'? Allowed: cpu, cuda."


@pytest.mark.parametrize(
    ("given", "names", "expected"),
    [
        ("SDG", ["ASGD", "SGD"], "SGD"),
        ("LeNet", ["lenet", "resnet18"], "lenet"),
        ("batch-size", ["batch_size"], "batch_size"),
        ("epochs", ["max_epochs", "patience"], "max_epochs"),
        ("accuracy", ["accuracy/val", "loss/val"], "accuracy/val"),
        ("epochs", ["max_epochs", "warmup_epochs"], None),
        ("hidden_size", ["num_classes", "hidden"], "hidden"),
        ("max_pooling", ["avg_pool", "max_pool"], "max_pool"),
        ("ckpt_path", ["path", "resume"], None),
        ("lr", ["or", "a"], None),
        ("", ["a"], None),
        ("...", ["a"], None),
        ("x" * 100_000, ["a"], None),
    ],
)
def test_only_a_name_that_is_near_is_suggested(given: str, names: list[str], expected: str | None) -> None:
    assert similar(given, names) == expected
