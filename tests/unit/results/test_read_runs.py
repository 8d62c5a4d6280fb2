"""Folders of runs, read: what is a run, what is damaged, and what is passed over."""

import json
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from convboard.errors import RunError
from convboard.experiment.run_files import LOCK
from convboard.files.locks import locked
from convboard.results.read_runs import RunReader, read_runs
from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.liveness import this_worker
from convboard.sweeps.store.sweep_folder import Sweep
from synthetic_sweep import Outcome, grid, write_sweep

OLD = Path(__file__).parents[2] / "data/runs_of_version_0_1"
METRICS = {"accuracy/val": 0.9, "accuracy/test": 0.8, "loss/val": 0.3, "loss/test": 0.4}


def write_run(path: Path, **result: Any) -> Path:
    """Write a run that has finished."""
    path.mkdir(parents=True)
    (path / "config.yaml").write_text("objective: accuracy/val\nseed: 3\n")
    (path / "result.json").write_text(json.dumps({"best_epoch": 2, "metrics": METRICS, **result}))
    return path


def write_small_sweep(folder: Path, *outcomes: Outcome) -> Sweep:
    """Write a sweep over the seed, with an outcome for each."""
    return write_sweep(folder, grid({"seed": range(len(outcomes))}), outcomes)


def test_runs_are_found_at_any_depth_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b/x/y", "a", "c"):
        write_run(tmp_path / name)
    assert [row.name for row in read_runs([tmp_path])] == ["a", "b/x/y", "c"]
    assert [row.name for row in read_runs([tmp_path / "a"])] == ["a"]
    (row,) = read_runs([tmp_path / "b"])
    assert (row.name, row.path, row.state, row.value) == ("x/y", tmp_path / "b/x/y", "finished", 0.9)


def test_what_is_no_run_is_passed_over(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    write_run(tmp_path / "run/checkpoints/run_in_a_run")
    write_run(tmp_path / "run2")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/config.yaml").write_text("title: a web site\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "broken_link").symlink_to("nowhere")
    shutil.copytree(tmp_path / "run2", tmp_path / ".hidden/run")
    shutil.copytree(tmp_path / "run2", tmp_path / "outputs.trash/run")
    assert [row.name for row in read_runs([tmp_path])] == ["run", "run2"]


def test_a_folder_that_contains_itself_by_a_link_is_read_once(tmp_path: Path) -> None:
    write_run(tmp_path / "runs/run")
    (tmp_path / "runs/again").symlink_to(tmp_path / "runs")
    (tmp_path / "runs/other").symlink_to(tmp_path / "runs/run")
    assert len(read_runs([tmp_path])) == 1
    assert len(read_runs([tmp_path, tmp_path / "runs", tmp_path / "runs/run"])) == 1


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("result.json", ""),
        ("result.json", "{"),
        ("result.json", "[" * 100_000),
        ("result.json", '{"metrics": {"accuracy/val": "<script>"}, "best_epoch": 1}'),
        ("result.json", b"\xff\xfe"),
        ("config.yaml", ""),
        ("config.yaml", "- a\n- list\n"),
        ("config.yaml", "a: &a [*a, *a]\n"),
        ("config.yaml", "!!python/object/apply:os.system ['touch hacked']\n"),
        ("config.yaml", b"\x00\x01"),
    ],
)
def test_a_damaged_file_makes_its_run_unreadable_and_hides_no_other(
    file: str, content: str | bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "bad")
    write_run(tmp_path / "good")
    (tmp_path / "bad" / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    bad, good = read_runs([tmp_path])
    assert (bad.state, bad.config, bad.value, good.state) == ("unreadable", {}, None, "finished")
    assert file in bad.reason
    assert "\n" not in bad.reason
    assert not (tmp_path / "hacked").exists()


def test_a_file_that_would_block_its_reader_is_not_read(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    (run / "result.json").unlink()
    os.mkfifo(run / "result.json")
    (row,) = read_runs([tmp_path])
    assert row.state == "unreadable"


def test_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nothing is not there: give a folder of runs, such as outputs"):
        read_runs([tmp_path / "nothing"])
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="file is a file: give a folder of runs"):
        read_runs([tmp_path / "file"])


@pytest.mark.parametrize("value", [1e300, float("nan"), float("inf"), -5, "<b>", None, [1], {}])
def test_times_and_numbers_that_are_none(value: Any, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", epochs=value, seconds=value)
    (run / "summary.json").write_text(
        json.dumps({"state": "finished", "reason": "", "started": value, "ended": value, "config": {"a": 1}})[:-1]
        + ', "environment": {}}'
    )
    sweep = write_small_sweep(tmp_path / "sweep", Outcome())
    (last,) = sweep.journal.folder.glob("*/*.0001.json")
    last.write_text(json.dumps(json.loads(last.read_text()) | {"seconds": value, "time": value}))
    for row in read_runs([tmp_path]):
        assert (row.epochs, row.seconds, row.ended) in ((None, None, None), (10, None, None))


def test_names_are_texts_whatever_they_contain(tmp_path: Path) -> None:
    names = [
        "$(touch hacked)",
        "'quoted' \"twice\"",
        "<b>bold</b>",
        "[red]markup[/]",
        "a b",
        "line\nend",
        "\x1b[2J",
        "🙂",
    ]
    for name in names:
        write_run(tmp_path / name)
    assert sorted(row.name for row in read_runs([tmp_path])) == sorted(names)


def test_runs_of_an_earlier_version(tmp_path: Path) -> None:
    shutil.copytree(OLD, tmp_path / "old")
    finished, killed = read_runs([tmp_path / "old"])
    assert (finished.name, finished.state, finished.value) == ("finished", "finished", 0.644)
    assert finished.config["dataset.data_location"] == "stream"  # which was called residence
    assert (killed.name, killed.state, killed.value) == ("killed", "interrupted", None)


def test_a_sweep_has_the_runs_of_its_journal(tmp_path: Path) -> None:
    outcomes = [
        Outcome(value=0.8),
        Outcome(State.FAILED, reason="out of memory", epochs=2),
        Outcome(State.PRUNED, 0.5, "worse", epochs=3),
        Outcome(State.RUNNING, epochs=4),
        Outcome(State.WAITING),
    ]
    write_small_sweep(tmp_path / "sweeps/one", *outcomes)
    rows = read_runs([tmp_path])
    assert [row.state for row in rows] == ["finished", "failed", "pruned", "running", "waiting"]
    assert [row.value for row in rows] == [0.8, None, 0.5, None, None]
    assert [row.epochs for row in rows] == [10, 2, 3, 4, None]
    assert [row.reason for row in rows] == ["", "out of memory", "worse", "", ""]
    assert [row.name for row in rows[:2]] == ["sweeps/one/seed=0", "sweeps/one/seed=1"]
    assert [row.address for row in rows[:2]] == ["sweeps/one#0", "sweeps/one#1"]
    assert [row.ended is None for row in rows] == [False, False, False, True, True]
    assert rows[4].command.endswith("train.py seed=4")
    assert rows[0].environment == {"torch": "2.11"}


@pytest.mark.parametrize("given", ["sweep#1", "sweep/seed=1", "sweep/../sweep/seed=1"])
def test_a_run_of_a_sweep_is_given_by_its_number_or_its_directory(given: str, tmp_path: Path) -> None:
    """Also if it waits and has no directory yet."""
    write_small_sweep(tmp_path / "sweep", Outcome(), Outcome(State.WAITING))
    (row,) = read_runs([tmp_path / given])
    assert (row.number, row.state, row.address) == (1, "waiting", "#1")
    first, second = read_runs([tmp_path / "sweep#0", tmp_path / given])
    assert {first.address, second.address} >= {f"{tmp_path}/sweep#0"}
    with pytest.raises(RunError, match="sweep#2 is not there: the sweep has the runs 0 to 1"):
        read_runs([tmp_path / "sweep#2"])


def test_a_damaged_sweep_hides_neither_its_runs_nor_others(tmp_path: Path) -> None:
    write_small_sweep(tmp_path / "sweep", Outcome(), Outcome())
    write_run(tmp_path / "single")
    (tmp_path / "sweep/sweep.yaml").write_text("command: 7\n")
    rows = read_runs([tmp_path])
    assert [row.name for row in rows] == ["single", "sweep", "sweep/seed=0", "sweep/seed=1"]
    assert [row.state for row in rows] == ["finished", "unreadable", "finished", "finished"]


@pytest.mark.parametrize("change", [{"config": 7}, {"swept": [1]}, {"swept": {"seed": 1}}, {"overrides": [1]}])
def test_trials_of_other_types_make_their_sweep_unreadable(change: dict[str, Any], tmp_path: Path) -> None:
    write_small_sweep(tmp_path / "sweep", Outcome())
    (block,) = (tmp_path / "sweep/trials").iterdir()
    block.write_text(json.dumps(json.loads(block.read_text()) | change) + "\n")
    assert read_runs([tmp_path])[0].state == "unreadable"


def test_a_run_whose_process_has_ended_is_interrupted(tmp_path: Path) -> None:
    sweep = write_small_sweep(
        tmp_path / "sweep", Outcome(State.WAITING), Outcome(State.WAITING), Outcome(State.WAITING)
    )
    dead, far = replace(this_worker(), id="dead", started=-1e6), replace(this_worker(), id="far", machine="another")
    for worker in (dead, far):
        (sweep.workers / f"{worker.id}.json").write_text(json.dumps(asdict(worker)))
    for number, worker_id in enumerate(("dead", "far", "unknown")):
        sweep.journal.append(number, Entry(State.RUNNING, worker_id))
    (sweep.workers / "far.beat").write_text("1\n")
    assert [row.state for row in read_runs([tmp_path])] == ["interrupted", "running", "interrupted"]
    os.utime(sweep.workers / "far.beat", (0, 0))  # of a machine that was switched off
    assert [(row.state, row.ended) for row in read_runs([tmp_path])] == [("interrupted", None)] * 3


def test_a_finished_run_that_is_being_resumed_is_running(tmp_path: Path) -> None:
    """Its result is removed when the training begins, which may take minutes."""
    run = write_run(tmp_path / "run")
    with locked(run / LOCK, wait=False, busy=lambda _: RunError("in use")):
        (row,) = read_runs([tmp_path])
        assert (row.state, row.value) == (State.RUNNING, None)
    assert read_runs([tmp_path])[0].state == State.FINISHED


def test_a_reader_reads_what_is_new(tmp_path: Path) -> None:
    sweep = write_small_sweep(tmp_path / "sweep", Outcome(), Outcome(State.WAITING))
    run = write_run(tmp_path / "run")
    reader = RunReader([tmp_path])
    first = reader.read()
    assert [row.state for row in first] == ["finished", "finished", "waiting"]
    second = reader.read()
    assert all(row is again for row, again in zip(first[:2], second[:2], strict=True))  # what has ended is kept
    sweep.journal.append(1, Entry(State.RUNNING, "unknown"))
    (run / "result.json").rename(run / "dataset.json")  # it is resumed: it has no result any more
    write_run(tmp_path / "run3")
    assert [row.state for row in reader.read()] == ["interrupted", "finished", "finished", "interrupted"]
    shutil.rmtree(tmp_path / "sweep")
    record = write_small_sweep(tmp_path / "sweep", Outcome(State.FAILED)).folder / "sweep.yaml"
    record.write_text(record.read_text().replace("abc", "def"))  # another sweep
    assert [row.state for row in reader.read()] == ["interrupted", "finished", "failed"]
