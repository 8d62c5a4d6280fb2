"""The values of an exported table."""

from statistics import fmean, stdev

import pytest

from convboard.errors import ConfigError
from convboard.results.export.values import value_columns, value_names
from convboard.results.statistics import t_quantile
from convboard.results.table import RunTable
from convboard.sweeps.store.entries import State
from run_rows import run_row

TABLE = RunTable(
    [
        run_row(0, 0.9, optimizer__lr=0.1, seed=1, epochs=10),
        run_row(1, 0.8, optimizer__lr=0.1, seed=2, epochs=20),
        run_row(2, None, State.FAILED, optimizer__lr=0.1, seed=3),
        run_row(3, 0.7, optimizer__lr=0.01, seed=1),
    ]
)


def test_a_row_for_each_run() -> None:
    names = value_names(TABLE, None)
    columns = value_columns(TABLE, None, names)
    assert [*columns] == [
        *("run", "state", "reason", "optimizer.lr", "seed", "accuracy/val", "accuracy/test", "epochs", "seconds")
    ]
    assert columns["run"] == ["#0", "#1", "#2", "#3"]
    assert columns["optimizer.lr"] == [0.1, 0.1, 0.1, 0.01]
    assert columns["accuracy/val"] == [0.9, 0.8, None, 0.7]


def test_a_row_for_each_setting_has_mean_deviation_and_interval() -> None:
    settings = TABLE.settings()
    columns = value_columns(TABLE, settings, value_names(TABLE, settings))
    assert [*columns][:5] == ["optimizer.lr", "n", "accuracy/val_mean", "accuracy/val_std", "accuracy/val_interval"]
    assert columns["n"] == [2, 1]
    assert columns["accuracy/val_mean"] == [fmean([0.9, 0.8]), 0.7]
    assert columns["accuracy/val_std"] == [stdev([0.9, 0.8]), None]
    assert columns["accuracy/val_interval"] == [pytest.approx(t_quantile(1) * stdev([0.9, 0.8]) / 2**0.5), None]
    assert columns["epochs"] == [15.0, None]


def test_chosen_columns() -> None:
    assert value_columns(TABLE, None, ["lr", "objective"]) == {
        "optimizer.lr": [0.1, 0.1, 0.1, 0.01],
        "accuracy/val": [0.9, 0.8, None, 0.7],
    }
    columns = value_columns(TABLE, TABLE.settings(), ["state", "test", "seed"])
    assert [*columns] == ["state", "accuracy/test_mean", "accuracy/test_std", "accuracy/test_interval", "seed"]
    assert columns["state"] == ["finished, failed", "finished"]
    assert columns["seed"] == ["1, 2, 3", 1]
    with pytest.raises(ConfigError, match="'lrr' is no column"):
        value_columns(TABLE, None, ["lrr"])
