from pathlib import Path

import pytest
import torch
from torch import nn

from convboard.config import instantiate
from convboard.errors import ConfigError


def test_a_target_is_found_with_its_arguments_and_not_yet_called() -> None:
    target = instantiate.resolve("optimizer", {"_target_": "torch.optim.SGD", "lr": 0.1})
    assert target.factory is torch.optim.SGD
    assert target.arguments == {"lr": 0.1}
    assert target.describe() == "torch.optim.SGD with lr=0.1"


def test_lists_arrive_as_plain_lists() -> None:
    target = instantiate.resolve("optimizer", {"_target_": "torch.optim.Adam", "betas": [0.9, 0.99]})
    assert type(target.arguments["betas"]) is list


def test_what_was_resolved_is_called_with_positional_and_further_arguments() -> None:
    weight = nn.Parameter(torch.zeros(1))
    node = {"_target_": "torch.optim.SGD", "lr": 0.1}
    target = instantiate.resolve("optimizer", node)
    optimizer = target.build([weight], momentum=0.5)
    assert optimizer.param_groups[0]["momentum"] == 0.5


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"_target_": "torch.optim.SGDD"}, "optimizer._target_='torch.optim.SGDD' does not exist. Did you mean 'SGD'?"),
        (
            {"_target_": "nowhere.SGD"},
            "optimizer._target_='nowhere.SGD': there is no module 'nowhere', neither among the installed packages nor "
            "in ",
        ),
        (
            {"_target_": "torch.optim.SGD", "momentun": 0.9},
            "optimizer.momentun is not an argument of torch.optim.SGD. Did you mean 'momentum'?",
        ),
        ({"_target_": "builtins.eval"}, "optimizer._target_='builtins.eval' cannot be used"),
        ({"_target_": "math.pi"}, "optimizer._target_='math.pi' is a value of type float. Name a class or a function."),
        (
            {"_target_": "builtins.dict"},
            "optimizer._target_='builtins.dict' cannot be used: Python cannot read its signature.",
        ),
        ({"_target_": "torch.optim.SGD", "_args_": [1]}, "optimizer._args_=[1] is not taken: give each argument by"),
    ],
)
def test_a_target_that_cannot_be_used_is_explained(node: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        instantiate.resolve("optimizer", node)
    assert str(caught.value).startswith(message)


def test_a_constructor_that_refuses_is_quoted() -> None:
    weight = nn.Parameter(torch.zeros(1))
    refusal = r"^optimizer: torch\.optim\.Adam with betas=\[2\.0, 0\.9\] refuses its arguments: .*betas? "
    with pytest.raises(ConfigError, match=refusal):
        instantiate.resolve("optimizer", {"_target_": "torch.optim.Adam", "betas": [2.0, 0.9]}).build([weight])
    own = {"_target_": f"{__name__}.OwnOptimizer", "betas": {"a": 1}}
    with pytest.raises(ConfigError, match=r"with betas=\{'a': 1\} refuses its arguments: KeyError\(0\)$"):
        instantiate.resolve("optimizer", own).build([weight])


class OwnOptimizer(torch.optim.Adam):
    """An optimizer whose arguments are not known to be right before it is built."""


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Adam", {"betas": {"a": 1}}, "betas={a:1}: must be a list of 2 numbers, such as [0.9,0.999]."),
        ("Adam", {"betas": [0.9]}, "betas=[0.9]: must be a list of 2 numbers, such as [0.9,0.999]."),
        ("Adam", {"betas": [0.9, [0.9]]}, "betas=[0.9,[0.9]]: must be a list of 2 numbers, such as [0.9,0.999]."),
        ("Adam", {"amsgrad": [1]}, "amsgrad=[1]: must be true or false."),
        ("SGD", {"dampening": {"a": 1}}, "dampening={a:1}: must be a number."),
        ("SGD", {"foreach": [True]}, "foreach=[true]: must be a single value."),
    ],
)
def test_an_argument_of_a_wrong_shape(name: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        instantiate.resolve("optimizer", {"_target_": f"torch.optim.{name}", **arguments})
    assert str(caught.value) == f"optimizer.{message}"


def test_arguments_of_the_shape_of_the_defaults() -> None:
    given = {"Adafactor": {"eps": [None, 0.01], "d": 2, "foreach": None}, "Adam": {"betas": [0.8, 0.9], "fused": True}}
    for name, arguments in given.items():
        instantiate.resolve("optimizer", {"_target_": f"torch.optim.{name}", **arguments})


def test_a_function_is_found_as_near_as_a_class_is_for_a_network() -> None:
    with pytest.raises(ConfigError) as caught:
        instantiate.resolve("model", {"_target_": "torchvision.models.resnet1001"})
    assert str(caught.value).startswith(
        "model._target_='torchvision.models.resnet1001' does not exist. Did you mean 'resnet101'? Allowed: "
    )
    assert len(str(caught.value)) < 400


def test_a_module_that_ends_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "module_that_exits.py").write_text("import sys\nsys.exit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError) as caught:
        instantiate.resolve("model", {"_target_": "module_that_exits.Net"})
    assert str(caught.value) == (
        "model._target_='module_that_exits.Net': module_that_exits cannot be imported: it ends the program with "
        "sys.exit(3)."
    )


def test_a_module_of_the_working_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_networks_for_a_test.py").write_text("def make(width): return width * 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert instantiate.resolve("model", {"_target_": "my_networks_for_a_test.make", "width": 4}).build() == 8


@pytest.mark.parametrize(
    ("lr", "message"),
    [
        (
            {"x": [1, {"_target_": "torch.nn.Liner"}]},
            "optimizer.lr.x[1]._target_='torch.nn.Liner' does not exist.",
        ),
        ({"_target_": "nothere.X"}, "optimizer.lr._target_='nothere.X': there is no module 'nothere'"),
        ({"_target_": "torch.nn.Conv2d"}, "optimizer.lr._target_='torch.nn.Conv2d' cannot be used: "),
    ],
)
def test_a_node_within_another_is_named_by_its_whole_key(lr: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        instantiate.resolve("optimizer", {"_target_": "torch.optim.SGD", "lr": lr})
    assert str(caught.value).startswith(message)
