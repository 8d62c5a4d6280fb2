from pathlib import Path
from typing import Any

import pytest

import convboard
from convboard.cli.runs.pictures import Arguments, main
from convboard.config.schema import TrainConfig
from convboard.errors import ConfigError, RunError
from convboard.sweeps.store.entries import State
from synthetic_sweep import Outcome, write_sweep


def write_run(run_dir: Path, **changes: Any) -> None:
    config = {
        "model": {"_target_": "convboard.models.ConvDemo"},
        "dataset": {"name": "digits"},
        "optimizer": {"_target_": "torch.optim.SGD", "lr": 0.05},
        "scheduler": {"_target_": "convboard.training.schedules.Constant"},
        "trainer": {"max_epochs": 1, "limit_train_batches": 3, "limit_test_batches": 1, "device": "cpu"},
        "board": {"level": "minimal"},
    }
    convboard.run(TrainConfig.from_dict({**config, **changes}), run_dir)


def test_the_best_run_of_each_of_the_best_settings_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in (1, 2):
        write_run(tmp_path / f"small/{seed}", seed=seed)
        write_run(tmp_path / f"large/{seed}", seed=seed, batch_size=128)
    best = [max(rows, key=lambda row: row.value or 0) for rows in _settings(tmp_path)]
    best.sort(key=lambda row: -sum(one.value or 0 for one in convboard.load_runs(row.path.parent)))
    capsys.readouterr()
    main([str(tmp_path)], Arguments(best=1))
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{best[0].name}: pictures of epoch 1, ")
    assert last.endswith(f"tensorboard --logdir {best[0].path}")
    (best[1].path / "checkpoints/best.safetensors").write_bytes(b"")
    with pytest.raises(RunError, match=r"^1 of 2 runs could not be drawn\.$"):
        main([str(tmp_path)], Arguments(best=2))
    printed = capsys.readouterr().out
    assert f"{best[0].name}: has pictures already\n" in printed
    assert f"{best[1].name}: " in printed
    assert "best.safetensors is not a whole checkpoint" in printed
    (best[0].path / "checkpoints/best.safetensors").unlink()
    with pytest.raises(RunError, match=r"^1 of 1 run could not be drawn\.$"):
        main([str(tmp_path)], Arguments(best=1))
    gone = f"{best[0].name}: its best checkpoint is not there any more. To train it again: {best[0].command}\n"
    assert capsys.readouterr().out == gone


def _settings(folder: Path) -> list[tuple[convboard.RunRow, ...]]:
    return [setting.rows for setting in convboard.load_runs(folder).settings()]


def test_runs_that_have_not_finished_have_nothing_to_draw(tmp_path: Path) -> None:
    write_sweep(tmp_path / "sweep", [{"seed": 1}], [Outcome(State.WAITING)])
    with pytest.raises(RunError, match="None of these runs has finished"):
        main([str(tmp_path)], Arguments())


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"best=0: must be at least 1"):
        Arguments(best=0)
    with pytest.raises(ConfigError, match=r"board=ful is not known\. Did you mean 'full'"):
        Arguments(board="ful")
