"""`runs.py best`: the best setting, and what to do with it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from convboard.cli.runs.best import Arguments, main
from convboard.errors import RunError
from convboard.sweeps.store.sweep_folder import Sweep
from sweep_records import ended_sweep


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["scripts/runs.py"])
    monkeypatch.delenv("UV", raising=False)


def told(capsys: pytest.CaptureFixture[str], *paths: str, where: str | None = None) -> list[str]:
    main([*paths], Arguments(where=where))
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line and "──" not in line]


def test_the_best_setting_and_its_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = ended_sweep(tmp_path / "it", {"0.1": [0.8, None, 0.9], "0.01": [0.81, 0.85], "1": [0.99], "2": [None]})
    checkpoint = sweep.run_dir(2) / "checkpoints" / "best.safetensors"
    checkpoint.parent.mkdir()
    checkpoint.touch()
    assert told(capsys, "it") == [
        "the best of 4 settings: optimizer.lr=0.1 (2 runs)",
        "mean standard deviation 95 % interval of the mean",
        "accuracy/val 85.00% 7.07% ± 63.53%",
        "accuracy/test 42.50% 3.54% ± 31.77%",
        "run seed state accuracy/val accuracy/test",
        "#2 2 finished 90.00% 45.00%",
        "#0 0 finished 80.00% 40.00%",
        "#1 1 failed",
        "repeat it: python train.py optimizer.lr=0.1",
        "checkpoint: it/lr=0.1,seed=2/checkpoints/best.safetensors",
        "look at it: tensorboard --logdir it/lr=0.1,seed=2",
        "the second: optimizer.lr=0.01 (2 runs)",
        "the best is better by 2.00 ± 39.77 points, with 2 and 2 runs, which may be chance (p = 0.76).",
        "more seeds: python train.py -m sweep.resume=it seed=3,4 optimizer.lr=0.01,0.1",
        "note: optimizer.lr=1 (#5) has a better mean, but only 1 finished run",
    ]


def test_a_part_of_the_runs_and_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended_sweep(tmp_path / "it", {"0.1": [0.8], "0.01": [0.7], "2": [None]})
    lines = told(capsys, "it", where="optimizer.lr<0.05")
    assert lines[0] == "the best of 1 setting: optimizer.lr=0.01 (#1)"
    assert lines[5] == "#1 0 finished 70.00% 35.00%"
    assert lines[-2].endswith("(it is not there any more)")
    with pytest.raises(RunError, match="No run has a result yet"):
        told(capsys, "it", where="optimizer.lr=2")


def test_each_data_set_has_a_best_setting_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in (("mnist", 0.99), ("cifar10", 0.7)):
        sweep = ended_sweep(tmp_path / name, {"0.1": [value]})
        trials = [replace(each, config={**each.config, "dataset": {"name": name}}) for each in sweep.trials]
        (block,) = sweep.trials.folder.glob("*.jsonl")
        block.unlink()
        Sweep(sweep.folder, sweep.record).trials.add(trials)
    lines = told(capsys, ".")
    assert [line for line in lines if line.startswith("the best of")] == [
        "the best of 1 setting on cifar10: optimizer.lr=0.1 (cifar10#0)",
        "the best of 1 setting on mnist: optimizer.lr=0.1 (mnist#0)",
    ]


def test_names_are_shown_as_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended_sweep(tmp_path / "it\x1b[2J", {"\x1b[31m": [0.8], "b": [0.7]})
    assert "\x1b" not in json.dumps(told(capsys, "it\x1b[2J"), ensure_ascii=False)
