"""check_fit and diagnose. The rules are tested in diagnostics/."""

import random
import re
import sys
import traceback

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import convboard
from convboard.anatomy.check import check_fit
from convboard.anatomy.diagnostics.diagnose import diagnose
from convboard.errors import ModelError
from convboard.models import build_model


class Shifted(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise IndexError("my own mistake")


def test_a_network_that_fits() -> None:
    model = build_model("lenet", (1, 32, 32), 10)
    check_fit(model, (1, 32, 32), 10)
    assert diagnose(model, (1, 32, 32)) is None
    assert convboard.diagnose(model, (1, 32, 32), num_classes=10) is None


def test_any_other_error_names_the_line_that_raised_it() -> None:
    with pytest.raises(ModelError) as caught:
        check_fit(Shifted(), (1, 28, 28), 10)
    assert re.fullmatch(
        r"Shifted fails on images of 1x28x28 in 10 classes\.\n\n"
        r"tests/unit/anatomy/test_check\.py, line \d+, in forward:\n"
        r'    raise IndexError\("my own mistake"\)\n\nIndexError: my own mistake\.',
        str(caught.value),
    )
    assert isinstance(caught.value.__cause__, IndexError)
    (frame,) = traceback.extract_tb(caught.value.__cause__.__traceback__)  # without those of convboard and torch
    assert frame.name == "forward"


def test_error_inside_a_layer_of_a_sequential_has_no_line() -> None:
    found = diagnose(nn.Sequential(nn.Flatten(), nn.Bilinear(4, 4, 3)), (1, 2, 2), 10)
    assert found is not None
    assert (found.kind, found.place, found.failed) == ("error", None, ("1", "Bilinear"))
    assert found.reason.startswith("TypeError: Bilinear.forward() missing 1 required positional argument: 'input2'.")


def test_memory_and_errors_of_convboard_are_not_explained() -> None:
    class Raising(nn.Module):
        def __init__(self, error: Exception) -> None:
            super().__init__()
            self.error = error

        def forward(self, _x: Tensor) -> Tensor:
            raise self.error

    for error in (MemoryError("too much"), ModelError("It says what to do.")):
        model = Raising(error)
        with pytest.raises(type(error)) as caught:
            check_fit(model, (1, 2, 2), 10)
        assert caught.value is error


def test_the_message_is_the_diagnosis_and_its_cause_the_error() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(7, 10))
    found = diagnose(model, (1, 5, 5), 10)
    with pytest.raises(ModelError) as caught:
        check_fit(model, (1, 5, 5), 10)
    assert str(caught.value) == str(found)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_what_a_diagnosis_holds() -> None:
    found = diagnose(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(7, 10)), (1, 5, 5))
    assert found is not None
    assert (found.kind, found.layer) == ("in_features", "2")
    assert (found.wanted, found.arrived) == ("7 features", "36 features")
    assert found.formula == "⌊(5 + 2·0 − 1·(3−1) − 1)/1⌋ + 1 = 3"
    assert [row.name for row in found.table] == ["0", "1"]
    assert found.table[0].macs == 4 * 9 * 9
    assert found.message == (
        "Linear 2 wants 7 features but gets 4·3·3 = 36: the input is 5x5, and 0 (3x3, no padding) leaves 3x3. What to "
        "do: write nn.Linear(36, 10) for 2, or nn.LazyLinear(10), which finds the number itself."
    )
    assert (
        str(found)
        == """\
Sequential does not fit images of 1x5x5.

layer  type     output  size of the output
─────  ───────  ──────  ──────────────────
0      Conv2d   4x3x3   ⌊(5 + 2·0 − 1·(3−1) − 1)/1⌋ + 1 = 3
1      Flatten  36      4·3·3 = 36
2      Linear   failed  <- gets 36 features, wanted: 7 features

Linear 2 wants 7 features but gets 4·3·3 = 36: the input is 5x5, and 0 (3x3, no
padding) leaves 3x3.

What to do:
  - write nn.Linear(36, 10) for 2, or nn.LazyLinear(10), which finds the number
    itself"""
    )


def test_a_long_table_is_shortened() -> None:
    layers: list[nn.Module] = [nn.ReLU() for _ in range(40)]
    found = diagnose(nn.Sequential(*layers, nn.Flatten(), nn.Linear(1, 10)), (1, 4, 4))
    lines = str(found).splitlines()
    assert [line.split()[0] for line in lines[4:21]] == ["0", "1", "2", "3", "...", *map(str, range(30, 42))]
    assert max(map(len, lines)) <= 80


def test_nothing_is_changed_by_a_diagnosis() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(7, 10))
    before, numbers = {name: value.clone() for name, value in model.state_dict().items()}, torch.get_rng_state()
    diagnose(model, (1, 8, 8), 10)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), numbers)
    assert all(module.training for module in model.modules())
    assert isinstance(model[0], nn.Conv2d)
    assert model[0].padding == (0, 0)


class Talkative(nn.Module):
    """Prints and draws random numbers of every kind wherever it can; ``devices`` has the devices of its weights."""

    devices: list[str] = []  # noqa: RUF012 (the class is what is called again)

    def __init__(self, features: int = 7) -> None:
        super().__init__()
        self.fc = nn.Linear(features, 10)
        self.devices.append(self.fc.weight.device.type)
        self.noise()

    def noise(self) -> None:
        print("a word", random.random(), np.random.rand(), torch.rand(1).device)
        print("another", file=sys.stderr)

    def forward(self, x: Tensor) -> Tensor:
        if self.devices[1:]:
            self.noise()
        out: Tensor = self.fc(x.flatten(1))
        return out


def test_nothing_is_printed_or_drawn_while_remedies_are_tried(capsys: pytest.CaptureFixture[str]) -> None:
    Talkative.devices.clear()
    model = Talkative()
    capsys.readouterr()
    states = random.getstate(), torch.get_rng_state(), np.random.get_state()[1].tolist()  # type: ignore[index]
    found = diagnose(model, (1, 3, 3), 10)
    assert found is not None
    assert "build it with Talkative(features=9)" in found.message
    assert Talkative.devices == ["cpu", "meta", "cpu", "cpu"]
    assert capsys.readouterr() == ("", "")
    assert random.getstate() == states[0]
    assert torch.equal(torch.get_rng_state(), states[1])
    assert np.random.get_state()[1].tolist() == states[2]  # type: ignore[index]


def test_a_class_that_cannot_be_built_on_the_meta_device_is_built_all_the_same() -> None:
    class Looking(nn.Module):
        def __init__(self, features: int = 7) -> None:
            super().__init__()
            self.fc = nn.Linear(features, 10)
            self.scale = self.fc.weight.max().item()

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.fc(x.flatten(1))
            return out

    found = diagnose(Looking(), (1, 3, 3), 10)
    assert found is not None
    assert "build it with Looking(features=9)" in found.message
