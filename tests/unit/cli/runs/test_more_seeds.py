"""The command that trains more seeds of two settings."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convboard.cli.runs.more_seeds import more_seeds
from convboard.results.compare import compare_runs
from convboard.results.read_runs import read_runs
from convboard.results.run_row import RunRow
from convboard.sweeps.store.entries import State
from synthetic_sweep import Outcome, grid, write_sweep


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["train.py"])
    monkeypatch.delenv("UV", raising=False)


def setting(rows: Sequence[RunRow], model: str, lr: float) -> list[RunRow]:
    return [row for row in rows if (row.config["model"], row.config["optimizer.lr"]) == (model, lr)]


def sweep(settings: Sequence[Mapping[str, Any]], values: Sequence[float]) -> list[RunRow]:
    write_sweep(Path("it"), settings, [Outcome(value=value) for value in values])
    return read_runs([Path("it")])


def advice(first: Sequence[RunRow], second: Sequence[RunRow]) -> str:
    return more_seeds(first, second, compare_runs(first, second))


def test_as_many_seeds_are_trained_as_are_needed_and_only_of_the_two_settings() -> None:
    settings = grid({"model": ["lenet", "batchnorm_cnn"], "optimizer.lr": [0.1, 0.01], "seed": [1, 2]})
    rows = sweep(settings, [0.9, 0.8, 0.88, 0.899, 0.91, 0.82, 0.905, 0.889])
    lenet = setting(rows, "lenet", 0.1)
    assert advice(lenet, setting(rows, "lenet", 0.01)) == ""  # which differ by more than chance
    assert compare_runs(lenet, setting(rows, "batchnorm_cnn", 0.1)).needed == 6
    assert advice(lenet, setting(rows, "batchnorm_cnn", 0.1)) == (
        "python train.py -m sweep.resume=it seed=3,4,5,6 model=lenet,batchnorm_cnn optimizer.lr=0.1"
    )
    assert compare_runs(lenet, setting(rows, "batchnorm_cnn", 0.01)).needed == 9
    assert advice(lenet, setting(rows, "batchnorm_cnn", 0.01)) == (
        "python train.py -m sweep.resume=it 'seed=range(3,10)' model=lenet,batchnorm_cnn optimizer.lr=0.1,0.01"
    )


def test_no_setting_is_added_that_the_sweep_does_not_have() -> None:
    pairs = [("lenet", 0.1), ("batchnorm_cnn", 0.01)]
    settings = [{"model": model, "optimizer.lr": lr, "seed": seed} for seed in (1, 2) for model, lr in pairs]
    rows = sweep(settings, [0.9, 0.88, 0.91, 0.905])
    assert advice(rows[::2], rows[1::2]) == "python train.py -m sweep.resume=it seed=3,4,5,6"


def test_where_more_seeds_tell_nothing_or_cannot_be_added() -> None:
    rows = sweep(grid({"optimizer.lr": [0.1, 0.01], "seed": [1, 2]}), [0.9, 0.9, 0.91, 0.8])
    assert advice([rows[0], rows[1]], [rows[2], rows[3]]) == ""  # one seed against the other
    assert advice(rows[::2], [replace(row, sweep=Path("other")) for row in rows[1::2]]) == ""
    assert advice(*([replace(row, sweep=None) for row in part] for part in (rows[::2], rows[1::2]))) == ""


def test_seeds_that_have_not_ended_are_not_trained_again() -> None:
    settings = grid({"optimizer.lr": [0.1, 0.01], "seed": [1, 2, 3]})
    outcomes = [Outcome(value=value) for value in (0.9, 0.88, 0.91, 0.905)] + [Outcome(State.WAITING)] * 2
    write_sweep(Path("it"), settings, outcomes)
    rows = read_runs([Path("it")])
    first, second = rows[::2], rows[1::2]
    assert compare_runs(first, second).needed == 6
    assert advice(first, second).startswith("python train.py -m sweep.resume=it seed=4,5,6 optimizer.lr=")
