"""The traceback of a bug in the user's code has only the user's lines."""

import json
from pathlib import Path

import pytest
import torch

from convboard.cli.tracebacks import format_bug
from convboard.data.dataset import ImageDataset, Split
from convboard.experiment.sanity_check import smallest_batch
from convboard.experiment.setup import initialise

NETWORK = """
import json
import torch


class Net(torch.nn.Module):
    def initialise_from(self, images):
        self.read("{")

    def read(self, text):
        json.loads(text)
"""


def test_of_a_bug_in_the_user_s_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net_with_a_bug.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("sys.argv", [str(Path(__file__))])  # the script that is running
    import net_with_a_bug  # type: ignore[import-not-found]

    split = Split(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), torch.tensor([0, 1]))
    dataset = ImageDataset("mine", ("a", "b"), (0.5,), (0.5,), split, split, split)
    with pytest.raises(json.JSONDecodeError) as caught:
        initialise(net_with_a_bug.Net(), dataset)
    assert format_bug(caught.value).splitlines() == [
        "Traceback (most recent call last):",
        f'  File "{tmp_path}/net_with_a_bug.py", line 8, in initialise_from',
        '    self.read("{")',
        f'  File "{tmp_path}/net_with_a_bug.py", line 11, in read',
        "    json.loads(text)",
        "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    ]
    assert "setup.py" in format_bug(caught.value, whole=True)


def test_of_a_bug_of_convboard(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError) as caught:
        smallest_batch("many", 10, None)  # type: ignore[arg-type]
    assert "sanity_check.py" in format_bug(caught.value)
    assert "test_tracebacks.py" in format_bug(caught.value)
