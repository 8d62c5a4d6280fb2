"""The commands on runs: which arguments are paths, which are keys, and the help."""

import sys
from dataclasses import fields
from pathlib import Path

import pytest

from convboard.cli import runs
from convboard.cli.command_help import script_help
from convboard.errors import ConfigError

KEYS = ("where", "older_than", "top")


@pytest.mark.parametrize(
    ("arguments", "paths", "given"),
    [
        (["outputs", "top=3"], ["outputs"], ["top=3"]),
        (["where=model=lenet and a>1"], [], ["where=model=lenet and a>1"]),
        (["outputs/sweeps/S/lr=0.1,seed=1"], ["outputs/sweeps/S/lr=0.1,seed=1"], []),
        (["lr=0.1,seed=1"], ["lr=0.1,seed=1"], []),  # which exists
        (["S#3", "../a b"], ["S#3", "../a b"], []),
        (["--older-than", "7d", "x"], ["x"], ["older_than=7d"]),
        (["--older-than=7d"], [], ["older_than=7d"]),
        (["--where", "a=1"], [], ["where=a=1"]),
    ],
)
def test_paths_and_keys(
    arguments: list[str], paths: list[str], given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lr=0.1,seed=1").mkdir()
    assert runs.split_paths(arguments, KEYS) == (paths, given)


@pytest.mark.parametrize("argument", ["tops=3", "--tops=3", "--tops"])
def test_a_key_that_is_not_known(argument: str) -> None:
    with pytest.raises(ConfigError, match=r"tops is no key of this command.*Did you mean 'top'\?"):
        runs.split_paths([argument], KEYS)


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
    assert capsys.readouterr().out == "There are no runs.\n"
