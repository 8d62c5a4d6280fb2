import csv
import io
import json
import os
import pty
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from convboard.anatomy.layer_rows import LayerRow

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
MYNET = """
import torch.nn.functional as F
from torch import nn

class MyNet(nn.Module):
    def __init__(self, in_channels=1, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 6, 5)
        self.fc = nn.Linear(6 * 14 * 14, num_classes)

    def forward(self, x):
        return self.fc(F.max_pool2d(F.relu(self.conv1(x)), 2).flatten(1))
"""


def test_the_table_of_a_network(run_command: RunCommand) -> None:
    lines = run_command("scripts/layers.py", "model=lenet", "dataset=digits").stdout.splitlines()
    assert lines[:2] == ["lenet for 1x32x32 images of digits", ""]
    assert lines[4].split()[:8] == ["conv1", "Conv2d", "5x5", "1", "0", "2", "6x28x28", "5x5"]
    assert "conv1    ⌊(32 + 2·0 − 1·(5−1) − 1)/1⌋ + 1 = 28" in lines
    assert "Parameters of these layers: 61,706. Multiply-accumulates for one image: 416,520." in lines


def test_json_and_csv_hold_the_fields_of_a_row(run_command: RunCommand) -> None:
    arguments = ["model=conv_demo", "input_shape=[3,224,224]"]
    rows = json.loads(run_command("scripts/layers.py", *arguments, "format=json").stdout)
    assert [list(row) for row in rows] == [list(LayerRow.__dataclass_fields__)] * 2
    assert [row["receptive_field"] for row in rows] == [[3, 3], [7, 7]]
    table = list(csv.DictReader(io.StringIO(run_command("scripts/layers.py", *arguments, "format=csv").stdout)))
    assert [row["parameters"] for row in table] == ["448", "3208"]


def test_the_blocks_of_a_network(run_command: RunCommand) -> None:
    blocks = run_command("scripts/layers.py", "model=resnet18", "depth=1", "collapse=layer4,layer3.*", "format=json")
    names = [row["name"] for row in json.loads(blocks.stdout)]
    assert names == [
        "conv1",
        "bn1",
        "relu",
        "maxpool",
        "layer1",
        "layer2",
        "layer3",
        "layer4",
        "avgpool",
        "flatten",
        "fc",
    ]


def test_markdown(run_command: RunCommand) -> None:
    lines = run_command("scripts/layers.py", "model=conv_mlp", "format=markdown").stdout.splitlines()
    assert lines[0] == "**conv_mlp for 3x28x28 images (its default)**"
    assert "| flatten | Flatten |  |  |  |  | 1568 | 7x7 |  |  | 32·7·7 = 1568 |" in lines


def test_what_a_unit_sees(run_command: RunCommand) -> None:
    unit = ["layer=conv3", "row=0", "col=7"]
    done = run_command("scripts/layers.py", "model=cifar10_quick", "input_shape=[3,32,32]", *unit)
    first, second, third, fourth = done.stdout.splitlines()
    assert first == "conv3, unit at row 0, column 7, sees of the 3x32x32 image"
    assert second == "rows 0 to 17 and columns 14 to 31: 18 x 18 pixels"
    assert third == "With these weights, 95 % of its gradient is in"
    assert re.fullmatch(r"rows \d+ to \d+ and columns \d+ to \d+: \d+ x \d+ pixels", fourth)


def test_a_narrow_terminal_has_the_formulas_below(start_command: Callable[..., object], tmp_path: Path) -> None:
    comm, theirs = pty.openpty()
    command = start_command("scripts/layers.py", "model=lenet", terminal=theirs, environment={"COLUMNS": "100"})
    command.finish()  # type: ignore[attr-defined]
    os.close(theirs)
    shown = b""
    while chunk := _read(comm):
        shown += chunk
    lines = shown.decode().splitlines()
    assert "How the sizes come about:" in lines
    assert max(len(line) for line in lines[:16]) <= 100


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # the other end is closed
        return b""


def test_the_network_of_a_run(run_command: RunCommand, tmp_path: Path) -> None:
    quick = ["trainer.max_epochs=1", "trainer.limit_train_batches=1", "board=minimal"]
    run_command("train.py", "model=conv_mlp", *quick)
    (run_dir,) = tmp_path.glob("outputs/digits/conv_mlp/*")
    shown = run_command("scripts/layers.py", f"run={run_dir}").stdout
    assert shown.startswith(f"ConvMLP of {run_dir} for 1x28x28 images of digits\n\n")
    assert "\nfc3 " in shown


def test_a_network_that_does_not_fit_is_explained(run_command: RunCommand, tmp_path: Path) -> None:
    (tmp_path / "mynet.py").write_text(MYNET)
    arguments = ["model._target_=mynet.MyNet", "input_shape=[1,28,28]"]
    done = run_command("scripts/layers.py", *arguments, expected_code=2)
    assert "Linear fc wants 6·14·14 = 1176 features but gets 6·12·12 = 864" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["format=jsn"], "format=jsn is not an output format. Did you mean 'json'? Allowed: csv, json, markdown"),
        (["depth=0"], "depth=0: give 1 for the network's children"),
        (["layer=cnv1"], "No layer is called 'cnv1'. Did you mean 'conv1'?"),
        (["layer=conv1", "row=28"], "conv1 has no unit at row 28, column 0: its output has 28 x 28 of them."),
        (["input_shape=[1,28]"], "input_shape=[1,28]: give channels, height and width"),
        (
            ["modle=lenet"],
            "modle is not a known key. Did you mean 'model'? This script's own: run, input_shape, depth, ",
        ),
        (["run=outputs", "model=lenet"], "model=lenet cannot be used with run="),
        (["run=nowhere"], "nowhere is not there"),
    ],
)
def test_messages(run_command: RunCommand, arguments: list[str], text: str) -> None:
    done = run_command("scripts/layers.py", *arguments, expected_code=2)
    assert done.stderr.startswith(f"convboard: {text}")


def test_help_tells_of_every_argument(run_command: RunCommand) -> None:
    shown = run_command("scripts/layers.py", "--help").stdout
    for name in ("run", "input_shape", "depth", "collapse", "format", "layer", "row", "col", "trust"):
        assert f"\n  {name}=" in shown


def test_a_network_of_several_inputs(run_in_process: RunCommand, tmp_path: Path) -> None:
    """The sentence of a missing input, and the table that its advice gives."""
    forward = MYNET.replace("self, x):", "self, x, y):").replace(".flatten(1))", ".flatten(1) * y.mean())")
    (tmp_path / "two_inputs.py").write_text(forward)
    network = ["scripts/layers.py", "model._target_=two_inputs.MyNet"]
    refused = run_in_process(*network, "input_shape=[1,32,32]", expected_code=2).stderr
    given = "MyNet takes 2 inputs, forward(x, y), but 1 is given. Give the shape of each"
    assert refused == f"convboard: {given}, such as input_shape=[[1,32,32],[1,32,32]].\n"
    shown = run_in_process(*network, "input_shape=[[1,32,32],[1,32,32]]").stdout
    assert shown.startswith("MyNet for 1x32x32 images and 1x32x32 (as given)\n")
    alone = run_in_process("scripts/layers.py", "input_shape=[[1,32,32],[5]]", expected_code=2).stderr
    assert alone.endswith("but 2 are given. Give its shape alone: input_shape=[1,32,32].\n")
