"""Tables of runs: columns, keys that differ, sorting, and settings."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import convboard
from convboard.errors import ConfigError
from convboard.results.run_row import RunRow
from convboard.results.setting import NOT_A_SETTING
from convboard.results.table import RunTable
from convboard.sweeps.trial_plans import PLAN_KEYS


def row(name: str = "run", value: float | None = None, sweep: str = "", **config: Any) -> RunRow:
    """A run; `optimizer__lr=0.1` is a key of its config."""
    flat = {"objective": "accuracy/val", **{key.replace("__", "."): given for key, given in config.items()}}
    metrics = {} if value is None else {"accuracy/val": value, "accuracy/test": value - 0.1}
    swept = {key: str(given) for key, given in flat.items() if key != "objective"} if sweep else {}
    place = Path(sweep) if sweep else None
    return RunRow(Path(name), name, "finished", config=flat, metrics=metrics, sweep=place, swept=swept)


def names(table: RunTable) -> list[str]:
    return [run.name for run in table]


def test_the_keys_that_differ_have_the_seed_last_and_the_options_first() -> None:
    table = RunTable([row(seed=1, optimizer__lr=0.1, model="a"), row(seed=2, optimizer__lr=0.2, model="b")])
    assert table.differing == ("model", "optimizer.lr", "seed")


def test_a_key_of_a_group_differs_only_between_runs_with_the_same_option() -> None:
    runs = [row(model="a", model__width=1), row(model="b", model__depth=2)]
    assert RunTable(runs).differing == ("model",)
    assert RunTable([*runs, row(model="a", model__width=2)]).differing == ("model", "model.width")
    assert RunTable([*runs, row(model="a")]).differing == ("model", "model.width")  # it is not given there


def test_a_key_that_an_earlier_version_lacks_does_not_differ() -> None:
    assert RunTable([row(batch_size=1), row(batch_size=1, trainer__new=False)]).differing == ()


def test_how_a_run_computes_and_where_its_data_is_does_not_differ() -> None:
    assert {f"trainer.{key}" for key in PLAN_KEYS} <= NOT_A_SETTING
    assert RunTable([row(data_dir="a", trainer__threads=1), row(data_dir="b", trainer__threads=2)]).differing == ()


def test_of_one_sweep_the_swept_keys_differ_and_of_several_all_others_too() -> None:
    first, second = row(sweep="one", seed=1, batch_size=8), row(sweep="one", seed=1, batch_size=8)
    assert RunTable([first, second]).differing == ("batch_size", "seed")
    assert RunTable([first]).differing == ("batch_size", "seed")  # also if one is left
    other = row(sweep="two", seed=1, batch_size=8)
    longer = replace(other, config={**other.config, "trainer.max_epochs": 20})
    shorter = replace(first, config={**first.config, "trainer.max_epochs": 10})
    assert RunTable([longer, shorter]).differing == ("batch_size", "trainer.max_epochs", "seed")


def test_the_keys_that_differ_stay_when_a_part_is_taken() -> None:
    table = RunTable([row("a", 0.5, batch_size=1), row("b", 0.9, batch_size=2)])
    assert table[:1].differing == table.sorted_by("objective")[:1].differing == ("batch_size",)


def test_the_best_is_first_and_what_has_no_value_is_last() -> None:
    table = RunTable([row("a", 0.5), row("b"), row("c", 0.9)])
    assert names(table.sorted_by("objective")) == ["c", "a", "b"]
    assert names(table.sorted_by("-objective")) == ["a", "c", "b"]
    assert names(table.sorted_by("accuracy/val")) == ["a", "c", "b"]
    assert names(table.sorted_by("-run")) == ["c", "b", "a"]


def test_numbers_are_sorted_before_texts() -> None:
    table = RunTable([row("a", x="text"), row("b", x=10), row("c", x=9.5), row("d", x=True)])
    assert names(table.sorted_by("x")) == ["d", "c", "b", "a"]


def test_conditions_choose_runs() -> None:
    table = RunTable([row("a", 0.5, optimizer__lr=0.1), row("b", optimizer__lr=0.2)])
    assert names(table.where("optimizer.lr<0.15 and accuracy/val>0.4")) == ["a"]
    assert names(table.where("objective=null")) == ["b"]
    assert names(table.where("state=finished and lr in (0.2, 0.3)")) == ["b"]
    with pytest.raises(ConfigError, match=r"'optimizer.lrr' is no column of these runs. Did you mean 'optimizer.lr'\?"):
        table.where("optimizer.lrr>1")


def test_a_key_is_named_by_its_last_part_if_that_is_clear() -> None:
    first, other = row("a", model__size=1, dataset__size=2), row("b", model__size=3, dataset__size=2)
    with pytest.raises(ConfigError, match=r"'size' is short for several keys.*dataset.size, model.size"):
        RunTable([first]).column("size")
    assert RunTable([first, other]).column("size") == "model.size"


def test_seeds_are_grouped_into_settings() -> None:
    table = RunTable([row("a", 0.5, seed=1, x=1), row("b", 0.6, seed=1, x=2), row("c", 0.7, seed=2, x=1)])
    first, second = table.settings()
    assert (first.values, names(RunTable(first.rows))) == ({"x": 1}, ["a", "c"])
    assert first.objective is not None
    assert first.objective.mean == pytest.approx(0.6)
    assert second.objective is not None
    assert second.objective.deviation is None


def test_each_unreadable_run_is_a_setting_of_its_own() -> None:
    """What is wrong with one says nothing of the others."""
    damaged = [RunRow(Path(name), name, "unreadable", name) for name in ("a", "b")]
    table = RunTable([*damaged, row("c", x=1), row("d", x=2)])
    assert [names(RunTable(setting.rows)) for setting in table.settings()] == [["a"], ["b"], ["c"], ["d"]]


def test_results_that_cannot_be_compared() -> None:
    """They are sorted one after another, and neither ranked nor explained together."""
    first, second, third = row("a", 0.5), row("b", 0.9), row("c", 0.7)
    losses = {**third.metrics, "loss/val": 0.2}
    third = replace(third, config={"objective": "loss/val"}, metrics=losses)
    fourth = replace(third, name="d", metrics={**losses, "loss/val": 0.1})
    table = RunTable([first, third, fourth, second])
    assert names(table.sorted_by("objective")) == ["b", "a", "d", "c"]
    assert names(table.sorted_by("-objective")) == ["a", "b", "c", "d"]
    assert names(table.sorted_by("accuracy/val"))[0] == "a"
    assert table.objectives == ("accuracy/val", "loss/val")
    assert table.has_several_tasks
    for explain in (table.ranking, table.importance):
        with pytest.raises(convboard.RunError, match=r"several objectives.*\n  where=objective=accuracy/val\n"):
            explain()
    assert names(table.where("objective=loss/val")) == ["c", "d"]  # its name, and not its value
    assert names(table.where("objective<0.5")) == ["c", "d"]
    assert len(table.where("objective=loss/val").ranking()) == 1


def test_what_a_table_says_of_itself() -> None:
    assert repr(RunTable([row(), row()])) == "<RunTable of 2 runs: 2 finished>"
    assert repr(RunTable([])) == "<RunTable of 0 runs>"


def test_loading_takes_folders_or_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(convboard.RunError, match="outputs is not there"):
        convboard.load_runs()
    Path("outputs").mkdir()
    with pytest.raises(convboard.RunError, match="load_runs takes paths of folders, not a value of type int"):
        convboard.load_runs(5)  # type: ignore[arg-type]
    with pytest.raises(convboard.RunError, match="load_runs takes paths of folders, not an empty text"):
        convboard.load_runs("")  # such as a variable that is not set; the current folder is "."
    assert len(convboard.load_runs()) == len(convboard.load_runs("outputs", tmp_path)) == 0


def test_a_table_of_pandas_has_a_column_for_each_fact_metric_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=dict))  # it is no dependency
    frame = RunTable([row("a", 0.5, x=1), row("b", x=2)]).to_pandas()
    assert (frame["run"], frame["x"], frame["accuracy/val"]) == (["a", "b"], [1, 2], [0.5, None])
    assert {"state", "seconds", "accuracy/test", "objective"} <= frame.keys()
