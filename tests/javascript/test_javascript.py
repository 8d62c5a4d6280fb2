"""Runs the tests of the tabs' JavaScript modules, `tests/javascript/*.test.js`, with Node.js's own test runner.

What needs a page is tested in tests/browser. Where a module must agree with torch or with the Python that writes its
data, the cases are computed here and handed over as JSON.
"""

import base64
import json
import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import playwright
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from commands import ROOT
from convboard.anatomy.summary import network_record
from convboard.board.figures.colours import SIGNED
from convboard.board.figures.embedded_arrays import pack
from convboard.results.statistics import t_quantile

FILES = sorted(Path(__file__).parent.glob("*.test.js"))
SHAPE = (4, 9, 8)
POOLINGS = [
    nn.MaxPool2d(2),
    nn.MaxPool2d((3, 2), stride=(2, 1), padding=1),
    nn.MaxPool2d(3, stride=2, padding=1, dilation=2),
    nn.MaxPool2d(3, stride=2, ceil_mode=True),
    nn.MaxPool2d(4, stride=3, padding=2, ceil_mode=True),
    nn.AvgPool2d(2),
    nn.AvgPool2d((3, 2), stride=(3, 1), ceil_mode=True),
    nn.AvgPool2d(3, padding=1),
    nn.AvgPool2d((3, 2), stride=2, padding=(1, 0), count_include_pad=False),
    nn.AvgPool2d(3, stride=2, ceil_mode=True),
    nn.AvgPool2d(4, stride=3, padding=2, ceil_mode=True),
    nn.AvgPool2d(4, stride=3, padding=1, ceil_mode=True, count_include_pad=False),
    nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True, divisor_override=5),
    nn.AdaptiveAvgPool2d((4, 3)),
    nn.AdaptiveAvgPool2d(1),
    nn.AdaptiveMaxPool2d((4, 3)),
]


@pytest.fixture(scope="session")
def node() -> Path:
    """Node.js: that which Playwright brings along, so that it is the same everywhere and none need be installed."""
    bundled = Path(playwright.__file__).parent / "driver" / "node"
    if bundled.exists():
        return bundled
    installed = shutil.which("node")
    if installed is None and not os.environ.get("CI"):
        pytest.skip("there is no Node.js")
    return Path(str(installed))


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of cases that Python computes."""
    path = tmp_path_factory.mktemp("javascript") / "cases.json"
    layers = [*map(convolution, range(24)), *POOLINGS]
    tested = [layer_case(layer) for layer in layers]
    quantiles = {degrees: t_quantile(degrees) for degrees in (1, 2, 5, 10, 11, 14, 30, 199)}
    found = {"layers": tested, "packed": packed_case(), "colours": SIGNED, "t_quantiles": quantiles}
    path.write_text(json.dumps(found))
    return path


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
def test_javascript(node: Path, cases: Path, file: Path) -> None:
    command = [str(node), "--test", "--test-reporter=tap", str(file)]
    environment = {**os.environ, "CONVBOARD_CASES": str(cases)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# skipped 0" in done.stdout
    assert "# tests 0" not in done.stdout


def convolution(seed: int) -> nn.Conv2d:
    """Any that fits; every third is padded to keep its size, which with an even kernel is uneven."""
    pick = random.Random(seed)
    size = (pick.randint(1, 4), pick.randint(1, 4))
    groups = pick.choice([1, 2, 4])
    dilation = (pick.randint(1, 2), pick.randint(1, 2))
    bias = pick.random() < 0.5
    if seed % 3 == 0:
        return nn.Conv2d(4, 8, size, padding="same", dilation=dilation, groups=groups, bias=bias)
    stride, padding = ((pick.randint(1, 3), pick.randint(1, 3)), (pick.randint(0, 3), pick.randint(0, 3)))
    return nn.Conv2d(4, 8, size, stride, padding, dilation, groups, bias)


@torch.no_grad()
def layer_case(layer: nn.Module) -> dict[str, Any]:
    """A network of one layer, its record, an image, and torch's output for it, flattened."""
    torch.manual_seed(1)
    image = torch.randn(SHAPE) - 2  # mostly below zero, where padding is not the largest
    case: dict[str, Any] = {"name": str(layer), "network": network_record(nn.Sequential(layer), SHAPE)}
    case |= {"image": image.flatten().tolist(), "output": layer(image[None])[0].flatten().tolist()}
    if isinstance(layer, nn.Conv2d):
        case |= {"weight": layer.weight.flatten().tolist(), "shape": list(layer.weight.shape)}
        case |= {"bias": None if layer.bias is None else layer.bias.tolist()}
    return case


def packed_case() -> dict[str, Any]:
    """Arrays of each type as the board packs them into a picture, and their values."""
    halves = [0.0, -0.0, 1.5, -2.25, 65504.0, 6.1e-5, 6e-8, 0.333]
    arrays: dict[str, NDArray[Any]] = {
        "halves": np.array(halves, np.float16).reshape(2, 4),
        "floats": np.array([[1e-30, -3e30, 0.1]], np.float32),
        "bytes": np.arange(6, dtype=np.uint8).reshape(3, 2),
    }
    facts = {"epoch": 3, "names": ["Käfer"], "dead": None}
    values = {name: {"shape": a.shape, "data": a.astype(float).flatten().tolist()} for name, a in arrays.items()}
    return {"bytes": base64.b64encode(pack(facts, arrays)).decode(), "facts": facts, "arrays": values}
