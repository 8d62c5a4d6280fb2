"""The traceback of a bug in the user's code has only the user's lines."""

import json
from pathlib import Path

import pytest
import torch

from convboard.cli.tracebacks import format_bug
from convboard.models.infer_arguments import build

NETWORK = """
import json
import torch


class Net(torch.nn.Module):
    def __init__(self, text="{"):
        super().__init__()
        self.read(text)

    def read(self, text):
        json.loads(text)
"""


def test_of_a_bug_in_the_user_s_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net_with_a_bug.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("sys.argv", [str(Path(__file__))])  # the script that calls `build`
    import net_with_a_bug  # type: ignore[import-not-found]

    with pytest.raises(json.JSONDecodeError) as caught:
        build(net_with_a_bug.Net, (1, 8, 8), 10)
    assert format_bug(caught.value).splitlines() == [
        "Traceback (most recent call last):",
        f'  File "{tmp_path}/net_with_a_bug.py", line 9, in __init__',
        "    self.read(text)",
        f'  File "{tmp_path}/net_with_a_bug.py", line 12, in read',
        "    json.loads(text)",
        "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    ]
    assert "infer_arguments.py" in format_bug(caught.value, whole=True)


def test_of_a_bug_of_convboard(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError) as caught:
        build(torch.nn.Linear, None, 10, in_features=3)  # type: ignore[arg-type]
    assert "infer_arguments.py" in format_bug(caught.value)
    assert "test_tracebacks.py" in format_bug(caught.value)
