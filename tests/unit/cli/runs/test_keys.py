"""The folders and keys of a command on runs."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from convboard.cli.runs.keys import keys_of, read_keys, split_paths
from convboard.errors import ConfigError

KEYS = ("where", "older_than", "top")


@dataclass
class Arguments:
    where: str | None = None
    top: int | None = None
    best: int = 5
    out: str = "a"
    trust: bool = False


@pytest.mark.parametrize(
    ("arguments", "paths", "given"),
    [
        (["outputs", "top=3"], ["outputs"], ["top=3"]),
        (["where=model=lenet and a>1"], [], ["where=model=lenet and a>1"]),
        (["outputs/sweeps/S/lr=0.1,seed=1"], ["outputs/sweeps/S/lr=0.1,seed=1"], []),
        (["lr=0.1,seed=1", "-dash"], ["lr=0.1,seed=1", "-dash"], []),  # which exist
        (["S#3", "../a b"], ["S#3", "../a b"], []),
        (["--older-than", "7d", "x"], ["x"], ["older_than=7d"]),
        (["--older-than=7d"], [], ["older_than=7d"]),
        (["--where", "a=1"], [], ["where=a=1"]),
        (["--where"], [], ["where="]),
    ],
)
def test_paths_and_keys(
    arguments: list[str], paths: list[str], given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lr=0.1,seed=1").mkdir()
    Path("-dash").mkdir()
    assert split_paths(arguments, KEYS) == (paths, given)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("tops=3", r"tops is no key of this command, and tops=3 no folder. Did you mean 'top'\?"),
        ("--tops=3", r"tops is no key of this command.*Did you mean 'top'\?"),
        ("--tops", r"tops is no key of this command.*Did you mean 'top'\?"),
        ("-top", r"top is no key of this command, and -top no folder"),
        ("--", "-- is no key of this command"),
        ("lr=0.1", "A condition on the runs is written where=lr=0.1."),
        ("", "An argument is empty: give a folder of runs"),
    ],
)
def test_what_is_neither_a_folder_nor_a_key(argument: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        split_paths([argument], KEYS)


def test_a_command_without_keys() -> None:
    with pytest.raises(ConfigError, match=r"top is no key .* It has no keys"):
        split_paths(["top=3"], [])


def test_values() -> None:
    given = ["where=a=1 and b=2", "top=3", "best=7", "out=null", "trust=true"]
    assert read_keys(Arguments, given) == Arguments("a=1 and b=2", 3, 7, "null", True)
    assert read_keys(Arguments, ["where=null", "top=null", "trust=False"]) == Arguments()
    assert keys_of(Arguments) == ["where", "top", "best", "out", "trust"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["where="], r"where= has no value. Give one, or omit where=."),  # of an empty variable: not all runs
        (["where=a=1", "where=b=2"], "where= is given twice. Join the conditions by and, or."),
        (["top=1", "top=2"], "top= is given twice. Omit one of them."),
        (["top=x"], "top='x': must be a whole number, or null."),
        (["top=1.5"], "top='1.5': must be a whole number, or null."),
        (["best=null"], "best='null': must be a whole number."),
        (["trust=maybe"], "trust='maybe': must be true or false."),
    ],
)
def test_values_that_are_not_possible(given: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_keys(Arguments, given)
