"""Completion of `convboard`: what is answered here, and the line that Hydra is left with."""

import os
import sys

import pytest

from convboard.cli import completion
from convboard.cli.main import COMMANDS


@pytest.mark.parametrize(
    ("typed", "answer", "left"),
    [
        ("", [*COMMANDS], None),
        ("ev", ["evaluate"], None),
        ("train optimizer=a", [], "convboard optimizer=a"),
        ("train model=lenet ", [], "convboard model=lenet "),
        ("evaluate ", ["run=", "trust="], None),
        ("evaluate mod", [], None),
        ("layers ro", ["row="], None),
        ("layers model=le", [], "convboard model=le"),
        ("feature-maps model=lenet in", ["input_shape=", "invert="], None),
        ("runs li", ["list"], None),
        ("runs list to", ["top="], None),
        ("runs list outputs/", [""], None),
        ("runs nothing ", [""], None),
        ("nothing ", [], None),
    ],
)
def test_a_line_is_completed_or_left_to_hydra(
    typed: str, answer: list[str], left: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["convboard", "-sc", "query=bash"])
    monkeypatch.setenv("COMP_LINE", f"convboard {typed}")
    assert completion.complete(COMMANDS) == (left is not None)
    assert capsys.readouterr().out.splitlines() == answer
    assert left is None or os.environ["COMP_LINE"] == left


def test_hydra_installs_its_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["convboard", "-sc", "install=bash"])
    assert completion.complete(COMMANDS)
