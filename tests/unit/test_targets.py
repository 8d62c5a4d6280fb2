from pathlib import Path

import pytest
import torch
from torch import nn

from convboard import targets
from convboard.errors import ConfigError


def test_a_target_is_found_with_its_arguments_and_not_yet_called() -> None:
    factory, arguments = targets.resolve("optimizer", {"_target_": "torch.optim.SGD", "lr": 0.1})
    assert factory is torch.optim.SGD
    assert arguments == {"lr": 0.1}


def test_lists_arrive_as_plain_lists() -> None:
    _, arguments = targets.resolve("optimizer", {"_target_": "torch.optim.Adam", "betas": [0.9, 0.99]})
    assert type(arguments["betas"]) is list


def test_building_passes_positional_and_further_arguments() -> None:
    weight = nn.Parameter(torch.zeros(1))
    optimizer = targets.build("optimizer", {"_target_": "torch.optim.SGD", "lr": 0.1}, [weight], momentum=0.5)
    assert optimizer.param_groups[0]["momentum"] == 0.5


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"_target_": "torch.optim.SGDD"}, "optimizer._target_='torch.optim.SGDD' is not there. Did you mean 'SGD'?"),
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
    ],
)
def test_a_target_that_cannot_be_used_is_explained(node: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        targets.resolve("optimizer", node)
    assert str(caught.value).startswith(message)


def test_a_constructor_that_refuses_is_quoted() -> None:
    weight = nn.Parameter(torch.zeros(1))
    with pytest.raises(ConfigError, match=r"^optimizer: torch\.optim\.Adam refuses its arguments: .*betas? "):
        targets.build("optimizer", {"_target_": "torch.optim.Adam", "betas": [2.0, 0.9]}, [weight])


def test_a_module_of_the_working_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_networks_for_a_test.py").write_text("def make(width): return width * 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert targets.build("model", {"_target_": "my_networks_for_a_test.make", "width": 4}) == 8
