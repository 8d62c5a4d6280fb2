"""The folder of a sweep: whole when it has a `sweep.yaml`, and read with limits."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from convboard.errors import RunError
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import SweepRecord
from convboard.sweeps.store.trials import Trial, Trials

RECORD = SweepRecord("train.py -m seed=1,2", ("seed",), "loss/val", "token", {"torch": "2.15"})
TRIAL = Trial(0, ("seed=1",), {"seed": "1"}, "seed=1", {"seed": 1})


def test_what_is_created_is_opened(tmp_path: Path) -> None:
    Sweep.create(tmp_path / "sweep", RECORD, [TRIAL])
    sweep = Sweep.open(tmp_path / "sweep")
    assert sweep.record == RECORD
    assert list(sweep.trials) == [TRIAL]
    assert sweep.run_dir(0) == tmp_path / "sweep/seed=1"
    assert not sweep.record.is_maximised


def test_what_is_left_of_a_search_are_also_trials_that_it_has_not_proposed(tmp_path: Path) -> None:
    sweep = Sweep.create(tmp_path, RECORD, [TRIAL])
    assert sweep.left == 1
    sweep.expected = 5
    sweep.journal.claim("me", [0])
    assert sweep.left == 4


def test_what_killed_trials_have_left_is_removed(tmp_path: Path) -> None:
    sweep = Sweep.create(tmp_path, RECORD, [TRIAL])
    values = tmp_path / "values/00001"
    values.mkdir(parents=True)
    code = "from convboard.files import *; atomic_write(Path('a'), lambda path: path.touch() or os._exit(0))"
    subprocess.run([sys.executable, "-c", code], cwd=values, check=True)
    assert len(list(values.iterdir())) == 1
    sweep.remove_leftovers()
    assert not list(values.iterdir())


def test_a_folder_has_one_sweep(tmp_path: Path) -> None:
    Sweep.create(tmp_path, RECORD, [TRIAL])
    with pytest.raises(RunError, match=r"already has a sweep. To go on with it: sweep.resume="):
        Sweep.create(tmp_path, RECORD, [replace(TRIAL, swept={"seed": "2"})])
    assert list(Sweep.open(tmp_path).trials) == [TRIAL]


def test_a_sweep_that_was_killed_when_it_was_created_can_be_created_again_and_gives_no_trials_to_another(
    tmp_path: Path,
) -> None:
    (tmp_path / "trials").mkdir()
    Trials(tmp_path / "trials").add_first([TRIAL])
    with pytest.raises(RunError, match=r"has the trials of another sweep, whose command was killed .* Remove the "):
        Sweep.create(tmp_path, RECORD, [replace(TRIAL, swept={"seed": "2"})])
    assert list(Sweep.create(tmp_path, RECORD, [TRIAL]).trials) == [TRIAL]


def test_a_revision_of_the_record_counts_for_all_who_have_the_sweep_open(tmp_path: Path) -> None:
    first, second = Sweep.create(tmp_path, RECORD, [TRIAL]), Sweep.open(tmp_path)
    first.revise(lambda record: replace(record, command="another"))
    assert not (tmp_path / "sweep.0001.yaml").exists()  # a command alone changes nothing
    first.revise(lambda record: replace(record, options={"max_trials": 50}))
    second.revise(lambda record: replace(record, swept=("seed", "batch_size")))
    for sweep in (first, second, Sweep.open(tmp_path)):
        sweep.refresh()
        assert sweep.record == replace(RECORD, options={"max_trials": 50}, swept=("seed", "batch_size"))
    (tmp_path / "sweep.0002.yaml").write_text("")
    with pytest.raises(RunError, match=r"sweep.0002.yaml cannot be read: .* Remove it, and .* as sweep.0001.yaml has"):
        Sweep.open(tmp_path)


def test_a_folder_that_another_sweep_has_taken_is_told(tmp_path: Path) -> None:
    sweep = Sweep.create(tmp_path, RECORD, [TRIAL])
    (tmp_path / "sweep.yaml").unlink()
    Sweep.create(tmp_path, replace(RECORD, token="other"), [TRIAL])
    with pytest.raises(RunError, match="is another sweep now"):
        sweep.refresh()


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "a: 1",
        "[",
        "command: 3",
        "x: &a [*a]",
        RECORD.to_yaml().replace("- seed\n", "- 1\n"),
        RECORD.to_yaml()[:-10],
    ],
)
def test_a_folder_without_a_sweep_is_told(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "sweep.yaml").write_text(content)
    with pytest.raises(RunError, match=r"has no sweep: the folder of a sweep has a sweep.yaml|cannot be read: "):
        Sweep.open(tmp_path)
