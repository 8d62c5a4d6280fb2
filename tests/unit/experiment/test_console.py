from pathlib import Path

import pytest

from convboard.experiment.console import Report

METRICS = {"accuracy/val": 0.5, "accuracy/test": 0.5, "loss/val": 1.0, "loss/test": 1.0}


def last_lines(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What is printed at the end of a run, by label."""
    Report().end(METRICS, 1, 2, 3.0, run_dir)
    return dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines() if ": " in line)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UV", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("run", "logdir", "name"),
    [
        ("outputs/digits/lenet/a", "outputs", "digits%2Flenet%2Fa"),
        ("outputs/sweeps/s/lr=0.1,seed=2", "outputs/sweeps/s", "lr%3D0.1%2Cseed%3D2"),
        ("elsewhere", "elsewhere", "."),
    ],
)
def test_the_end_says_where_the_run_is_shown(
    folder: Path, capsys: pytest.CaptureFixture[str], run: str, logdir: str, name: str
) -> None:
    said = last_lines(folder / run, capsys)
    assert said["look at it"].strip().endswith(f"tensorboard --logdir {logdir}")
    assert said["layers"].strip() == f"http://localhost:6006/#layers&p.layers.run={name}"
    assert "only this" not in said


def test_among_many_runs_the_end_says_how_to_see_this_one_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(41):
        run = folder / f"outputs/digits/lenet/{number:02d}"
        run.mkdir(parents=True)
        (run / "config.yaml").touch()
    said = last_lines(folder / "outputs/digits/lenet/07", capsys)
    assert "tensorboard --logdir outputs/digits/lenet/07 " in said["only this"]
    assert "more than 40 runs" in said["only this"]
