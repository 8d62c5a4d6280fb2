from dataclasses import replace

import pytest

from convboard.results.export.tracked_run import TrackedRun, place, shortened
from convboard.results.table import RunTable
from exported_runs import ODD


def test_a_tracked_run(table: RunTable) -> None:
    run = TrackedRun(table[0], table.differing, "last")
    assert run.name == "#0 seed=1"
    assert run.config["optimizer.lr"] == 0.1
    assert [(point.step, point.time) for point in run.points] == [(20, 1), (40, 2), (60, 1700000000.5)]
    assert run.points[2].metrics["loss/val"] == 0.25
    assert "loss/train" not in run.points[2].metrics, "trackers refuse NaN"
    assert run.final["best/accuracy/val"] == 0.9
    failed = TrackedRun(table[1], table.differing, "none")
    assert failed.facts["convboard.reason"] == ODD
    assert failed.final == {}
    assert run.id != failed.id


def test_what_differs_and_how_it_ended_come_first(table: RunTable) -> None:
    described = TrackedRun(table[1], ("optimizer.lr", "seed", "of_another_run")).described
    first = ["optimizer.lr", "seed", "convboard.id", "convboard.state", "convboard.reason", "convboard.path"]
    assert [*described][:6] == first
    assert described["seed"] == 2
    assert described["trainer.max_epochs"] == 10


@pytest.mark.parametrize(
    ("chosen", "kept", "steps"),
    [
        ("last", set(), [60]),
        ("all", set(), [20, 60]),
        ("none", set(), []),
        ("last", {("kernels/conv1", 20)}, [20, 60]),
        ("none", {("kernels/conv1", 20)}, [20]),
        ("last", {("kernels/conv1", 40)}, [60]),
    ],
)
def test_its_pictures(chosen: str, kept: set[tuple[str, int]], steps: list[int], table: RunTable) -> None:
    run = TrackedRun(table[0], table.differing, chosen)
    assert [place(picture) for picture in run.pictures(kept)] == [("kernels/conv1", step) for step in steps]


def test_a_run_that_has_gone_on_is_another_one(table: RunTable) -> None:
    row = table[0]
    assert TrackedRun(row, ()).id == TrackedRun(row, ("seed",), "all").id
    assert TrackedRun(row, ()).id != TrackedRun(replace(row, ended=1.0), ()).id


def test_a_long_name_loses_its_middle() -> None:
    assert shortened("abcdefgh", 8) == "abcdefgh"
    assert shortened("abcdefghi", 8) == "abc…fghi"
    assert shortened("abcdefghi", 7) == "ab…fghi"
