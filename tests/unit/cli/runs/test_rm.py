"""`runs rm`: runs are moved into the trash, and back."""

import json
import os
import re
import shlex
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from convboard.cli.runs import rm
from convboard.cli.runs.keys import split_paths
from convboard.errors import ConfigError, RunError
from convboard.results.read_runs import read_runs
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.liveness import this_worker
from convboard.sweeps.store.sweep_folder import Sweep
from synthetic_sweep import Outcome, grid, write_sweep


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a sweep of five runs in `outputs`, and a single run."""
    monkeypatch.chdir(tmp_path)
    outcomes = [Outcome(value=0.9), Outcome(State.FAILED), Outcome(value=0.5), Outcome(State.WAITING)]
    Path("outputs/sweeps").mkdir(parents=True)
    write_sweep(Path("outputs/sweeps/S"), grid({"seed": range(4)}), outcomes)
    write_run("single")


def write_run(name: str) -> None:
    (run := Path("outputs/digits") / name).mkdir(parents=True)
    (run / "config.yaml").write_text("objective: accuracy/val\n")
    (run / "dataset.json").write_text("{}")


def addresses() -> list[str]:
    return [row.address for row in read_runs([Path("outputs")])]


def remove(*paths: str, **keys: str) -> None:
    rm.main([*paths], rm.Arguments(**keys))


def advised(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The arguments of the command that gets back what was moved."""
    (line,) = re.findall(r"^get back: .*/runs\.py rm (.*)$", capsys.readouterr().out, re.MULTILINE)
    return shlex.split(line)


@pytest.mark.parametrize(
    ("paths", "keys", "left"),
    [
        (["outputs/digits/single"], {}, ["sweeps/S#0", "sweeps/S#1", "sweeps/S#2", "sweeps/S#3"]),
        (["outputs/sweeps/S#0", "outputs/digits"], {}, ["sweeps/S#1", "sweeps/S#2", "sweeps/S#3"]),
        (["outputs/sweeps/S/seed=1"], {}, ["digits/single", "sweeps/S#0", "sweeps/S#2", "sweeps/S#3"]),
        (["outputs/sweeps/S"], {}, ["digits/single"]),
        ([], {"where": "accuracy/val<0.6 or state=failed"}, ["digits/single", "sweeps/S#0", "sweeps/S#3"]),
        (["outputs"], {}, []),
    ],
)
def test_what_is_removed_is_listed_no_more_and_comes_back(
    paths: list[str], keys: dict[str, str], left: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = addresses()
    remove(*paths, **keys)
    assert addresses() == left
    assert not list(Path("outputs").rglob("*.trash"))  # TensorBoard would show what is in it
    given = split_paths(advised(capsys), ["restore"])
    assert given[0] == []
    remove(restore=given[1][0].removeprefix("restore="))
    assert addresses() == before


def test_old_runs(capsys: pytest.CaptureFixture[str]) -> None:
    write_run("old")
    for name, days in (("old", 8), ("single", 6)):
        then = time.time() - days * 86_400
        os.utime(Path("outputs/digits") / name / "config.yaml", (then, then))
    remove(older_than="1w")
    assert Path("outputs.trash/digits/old").exists()
    assert "digits/single" in addresses()
    remove(older_than="30d")
    assert capsys.readouterr().out.endswith("None of 5 runs ended longer ago than 30d.\n")


def test_a_run_that_is_trained_is_refused_and_nothing_is_moved() -> None:
    outcomes = [Outcome(), Outcome(State.RUNNING)]
    write_sweep(Path("outputs/sweeps/T"), grid({"seed": range(2)}), outcomes)
    before = addresses()
    with pytest.raises(RunError, match=r"outputs/sweeps/T/seed=1 is being trained\. Nothing was moved") as refused:
        remove("outputs")
    assert addresses() == before
    remove("outputs", where=advised_condition(refused.value))
    assert addresses() == ["digits/single", "sweeps/S#3", "sweeps/T#1"]


def advised_condition(error: RunError) -> str:
    (condition,) = re.findall(r"with where='(.+?)'\.", str(error))
    return str(condition)


def live_sweep(*states: State) -> Sweep:
    """A sweep with a worker that is alive, which is this process, and which trains no run at the moment."""
    sweep = write_sweep(Path("outputs/sweeps/T"), grid({"seed": range(len(states))}), [*map(Outcome, states)])
    worker = this_worker()
    (sweep.workers / f"{worker.id}.json").write_text(json.dumps(asdict(worker)))
    return sweep


@pytest.mark.parametrize("states", [(State.FINISHED, State.WAITING), (State.FINISHED, State.FINISHED)])
def test_a_sweep_between_two_runs_is_refused(states: tuple[State, ...]) -> None:
    live_sweep(*states)
    with pytest.raises(RunError, match=rf"outputs/sweeps/T is being trained by process {os.getpid()} on .*") as refused:
        remove("outputs")
    remove("outputs/sweeps/T#0")  # a run that has ended can be moved
    remove("outputs/sweeps/T", where=advised_condition(refused.value))
    assert [address for address in addresses() if "T" in address] == ["sweeps/T#1"][: states[1] == State.WAITING]
    assert Path("outputs/sweeps/T/sweep.yaml").exists()


def test_a_run_that_a_worker_may_go_on_with_is_refused() -> None:
    live_sweep(State.FINISHED, State.INTERRUPTED)
    with pytest.raises(RunError, match="outputs/sweeps/T is being trained by process"):
        remove("outputs", where="state=interrupted")


def test_a_worker_of_another_machine_is_alive_as_long_as_it_gives_signs() -> None:
    sweep = live_sweep(State.FINISHED)
    (file,) = sweep.workers.glob("*.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"machine": "other", "host": "other"}))
    beat = file.with_suffix(".beat")
    beat.write_text("1")
    with pytest.raises(RunError, match=r"on other, whose last sign of life was \d s ago"):
        remove("outputs/sweeps/T")
    os.utime(beat, (time.time() - 3600, time.time() - 3600))
    remove("outputs/sweeps/T")


def test_how_to_get_past_the_lock_of_a_run_that_was_killed_on_another_machine() -> None:
    run = Path("outputs/digits/single")
    (run / "run.lock").write_text("17 other-host\n")
    then = time.time() - 3 * 86_400
    for file in run.iterdir():
        os.utime(file, (then, then))
    expected = (
        r"outputs/digits/single is being trained, or was killed: it is locked on other-host, and nothing has changed "
        r"for 3 d\. .* If it was killed, remove its lock and try again: rm (\S+)$"
    )
    with pytest.raises(RunError, match=expected) as refused:
        remove("outputs/digits/single")
    found = re.search(expected, str(refused.value))
    assert found is not None
    Path(found[1]).unlink()
    remove("outputs/digits/single")
    assert not run.exists()


def test_what_was_moved_before_an_error_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    write_run("zz")
    Path("outputs.trash/digits").mkdir(parents=True)
    Path("outputs.trash/digits/zz").symlink_to("nowhere")
    Path("outputs.trash/.2").write_text("in the way")
    with pytest.raises(RunError, match="outputs/digits/zz cannot be moved"):
        remove("outputs/digits")
    assert advised(capsys) == ["restore=outputs.trash/digits/single"]


def test_a_damaged_sweep_takes_no_other_runs_with_it() -> None:
    sweep = Path("outputs/sweeps/S")
    (sweep / "sweep.yaml").write_text("][")
    for run in ("seed=0", "seed=2"):
        (sweep / run / "dataset.json").write_text("{}")
    with pytest.raises(RunError, match=r"outputs/sweeps/S is unreadable, and 2 runs in it .*rm outputs/sweeps/S$"):
        remove("outputs", where="state=unreadable")
    remove("outputs/sweeps/S")
    assert not sweep.exists()


def test_runs_that_have_not_begun_have_nothing_to_move(capsys: pytest.CaptureFixture[str]) -> None:
    remove("outputs/sweeps/S#3")
    assert capsys.readouterr().out == "There is nothing to move: 1 run without a directory.\n"


@pytest.mark.parametrize(
    ("paths", "keys", "message"),
    [
        ([], {}, "Give what is to be moved: runs, folders of runs, where= or older_than="),
        ([], {"older_than": "7"}, "older_than=7: give a number with s, min, h, d or w, such as 7d"),
        ([], {"restore": "outputs.trash", "where": "seed=1"}, "Omit where= and older_than="),
        (["outputs"], {"restore": "outputs.trash"}, "restore=outputs.trash cannot be used with outputs"),
    ],
)
def test_mistakes(paths: list[str], keys: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        remove(*paths, **keys)


def test_many_are_not_named_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(12):
        write_run(f"more{number:02}")
    remove("outputs/digits")
    assert "\n            and 3 more directories\n" in capsys.readouterr().out


def test_the_printed_commands_do_what_they_say_whatever_the_folder_is_called(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("my runs").mkdir()
    Path("outputs").rename("my runs/a b")
    remove("my runs/a b/digits")
    printed = capsys.readouterr().out
    found = re.search(r"^free space: rm -r (.+)$", printed, re.MULTILINE)
    assert found is not None
    (trash,) = shlex.split(found[1])
    assert (Path(trash) / "config.yaml").is_file()  # of these runs alone: others may be in the trash already
    assert ".trash/" in trash
    back = re.search(r"^get back: +.*?runs(?:\.py)? rm (.+)$", printed, re.MULTILINE)
    assert back is not None
    (restored,) = shlex.split(back[1])
    remove(restore=restored.removeprefix("restore="))
    assert Path("my runs/a b/digits/single").is_dir()
