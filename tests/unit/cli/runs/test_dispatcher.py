"""The commands on runs: which arguments are paths, which are keys, and the help."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from convboard.cli import runs
from convboard.cli.command_help import script_help
from convboard.errors import ConfigError


@pytest.mark.parametrize("command", runs.COMMANDS)
def test_each_command_explains_its_keys(command: str) -> None:
    schema = runs.command_module(command).Arguments
    text = script_help(schema, "runs", command, "[FOLDER ...]")
    assert f"scripts/runs.py {command} [FOLDER ...]" in " ".join(text.split())
    for key in fields(schema):
        assert f"\n  {key.name}=" in text


def run(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["runs.py", *arguments])
    runs.main()


def test_the_help_lists_the_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run("--help", monkeypatch=monkeypatch)
    told = capsys.readouterr().out
    assert all(f"\n  {command} " in told for command in runs.COMMANDS)
    run("list", "--help", monkeypatch=monkeypatch)
    assert "\n  where=null" in capsys.readouterr().out


def test_what_is_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"'lst' is not a command of .*runs.py. Did you mean 'list'\?"):
        run("lst", monkeypatch=monkeypatch)
    with pytest.raises(ConfigError, match="no command is given"):
        run(monkeypatch=monkeypatch)


def test_a_command_gets_paths_and_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("list", str(tmp_path), "top=1", monkeypatch=monkeypatch)
    assert capsys.readouterr().out == f"There are no runs in {tmp_path}.\n"


def test_neither_hydra_nor_torch_is_imported_to_list_runs(tmp_path: Path) -> None:
    """They take longer than the rest."""
    heavy = "{'hydra', 'omegaconf', 'torch', 'numpy', 'matplotlib', 'tensorboard'}"
    code = "import sys; sys.argv[1:] = ['list', '.']; from convboard.cli.runs import main; main(); "
    command = [sys.executable, "-c", f"{code}print({heavy} & sys.modules.keys())"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "set()"
