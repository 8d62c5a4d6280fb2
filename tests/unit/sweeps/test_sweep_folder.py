"""The folder of a sweep: whole when it has a `sweep.yaml`, and read with limits."""

from pathlib import Path

import pytest

from convboard.errors import RunError
from convboard.sweeps.sweep_folder import Sweep, SweepRecord
from convboard.sweeps.trials import Trial

RECORD = SweepRecord("train.py -m seed=1,2", ("seed",), "loss/val", "token", {"torch": "2.15"})
TRIAL = Trial(0, ("seed=1",), {"seed": "1"}, "seed=1", {"seed": 1})


def test_what_is_created_is_opened(tmp_path: Path) -> None:
    Sweep.create(tmp_path / "sweep", RECORD, [TRIAL])
    sweep = Sweep.open(tmp_path / "sweep")
    assert sweep.record == RECORD
    assert list(sweep.trials) == [TRIAL]
    assert sweep.run_dir(0) == tmp_path / "sweep/seed=1"
    assert not sweep.record.is_maximised


def test_a_folder_has_one_sweep(tmp_path: Path) -> None:
    Sweep.create(tmp_path, RECORD, [TRIAL])
    with pytest.raises(RunError, match=r"already has a sweep. Go on with it: sweep.resume="):
        Sweep.create(tmp_path, RECORD, [TRIAL])


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "a: 1",
        "[",
        "command: 3",
        "x: &a [*a]",
        "command: x\nswept: [1]\nobjective: l\ntoken: t\nenvironment: {}",
    ],
)
def test_a_folder_without_a_sweep_is_told(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "sweep.yaml").write_text(content)
    with pytest.raises(RunError, match=r"has no sweep: the folder of a sweep has a sweep.yaml|cannot be read: "):
        Sweep.open(tmp_path)
