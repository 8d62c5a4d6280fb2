"""Sweeps with Hydra's own launcher: a run for every combination, and the objective for whoever sweeps."""

import itertools
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import convboard

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
SHORT = ("trainer.max_epochs=1", "trainer.limit_train_batches=2", "board=minimal")


def jobs(folder: Path) -> dict[str, Path]:
    """The run directories of the only sweep, by name."""
    (sweep,) = (folder / "outputs/sweeps").iterdir()
    return {run.name: run for run in sweep.iterdir() if run.is_dir()}


def test_a_sweep_makes_a_readable_run_of_each_combination(run_command: RunCommand, tmp_path: Path) -> None:
    run_command("train.py", "-m", "model=lenet,batchnorm_cnn", "optimizer.lr=0.1,0.01", "seed=1,2", *SHORT)
    wanted = itertools.product(("lenet", "batchnorm_cnn"), ("0.1", "0.01"), ("1", "2"))
    runs = jobs(tmp_path)  # named by what sets them apart
    assert runs.keys() == {f"model={model},optimizer.lr={lr},seed={seed}" for model, lr, seed in wanted}
    for name, run in runs.items():
        finished = convboard.load_run(run)
        assert ("LeNet" in finished.config.model["_target_"]) == ("model=lenet" in name)
        assert f"optimizer.lr={finished.config.optimizer['lr']},seed={finished.config.seed}" in name
        assert finished.result["status"] == "finished"
        assert len(list(run.glob("events.out.tfevents.*"))) == 1
    assert len({convboard.load_run(run).result["metrics"]["loss/test"] for run in runs.values()}) == 8


def test_a_run_of_a_sweep_is_what_it_is_alone(run_command: RunCommand, tmp_path: Path) -> None:
    """What ran before it in the same process leaves no trace."""
    dropout = ("model=sequential", "dataset.random_crop=2")
    run_command("train.py", "-m", *dropout, "trainer.deterministic=true,false", "seed=1,2", *SHORT)
    run_command("train.py", "hydra.run.dir=alone", *dropout, "trainer.deterministic=false", "seed=2", *SHORT)
    in_sweep, alone = jobs(tmp_path)["trainer.deterministic=False,seed=2"], tmp_path / "alone"
    assert convboard.load_run(in_sweep).result["metrics"] == convboard.load_run(alone).result["metrics"]


SWEEPER = """
import json
from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore


class Recording(BasicSweeper):
    def sweep(self, arguments):
        (batch,) = super().sweep(arguments)
        Path("returned.json").write_text(json.dumps([[job.working_dir, job.return_value] for job in batch]))


node = {"_target_": "hydra_plugins.recording.Recording", "max_batch_size": None, "params": None}
ConfigStore.instance().store(group="hydra/sweeper", name="recording", node=node)
"""


@pytest.mark.thorough
@pytest.mark.parametrize("objective", ["accuracy/val", "loss/test"])
def test_a_sweeper_gets_the_objective(objective: str, run_command: RunCommand, tmp_path: Path) -> None:
    (tmp_path / "plugins/hydra_plugins").mkdir(parents=True)
    (tmp_path / "plugins/hydra_plugins/recording.py").write_text(SWEEPER)
    swept = ("hydra/sweeper=recording", f"objective={objective}", "optimizer.lr=0.1,0.01,0.001")
    run_command("train.py", "-m", *swept, *SHORT, environment={"PYTHONPATH": str(tmp_path / "plugins")})
    returned = json.loads((tmp_path / "returned.json").read_text())
    results = [convboard.load_run(jobs(tmp_path)[f"optimizer.lr={lr}"]).result for lr in ("0.1", "0.01", "0.001")]
    assert [value for _, value in returned] == [result["metrics"][objective] for result in results]
    assert [result["objective"] for result in results] == [value for _, value in returned]


def test_a_job_that_fails_leaves_the_others_alone(run_command: RunCommand, tmp_path: Path) -> None:
    done = run_command("train.py", "-m", "batch_size=32,0,64", *SHORT, expected_code=2)
    assert jobs(tmp_path).keys() == {"batch_size=32", "batch_size=64"}
    assert all((run / "result.json").is_file() for run in jobs(tmp_path).values())
    told, hydra_s, end = done.stderr.splitlines()
    assert told == "convboard: job 1 (batch_size=0): batch_size=0: must be at least 1."
    assert hydra_s.startswith("Error executing job with overrides: ['batch_size=0', ")
    assert end == "convboard: job 1 (batch_size=0) failed; see the message above."


def test_so_does_a_bug(run_command: RunCommand, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FRAGILE)
    done = run_command(
        "train.py", "-m", "scheduler._target_=mine.Fragile", "scheduler.at=4,0,2", *SHORT, expected_code=1
    )
    assert jobs(tmp_path).keys() == {"scheduler.at=4", "scheduler.at=2"}
    assert "convboard: job 1 (scheduler.at=0): Traceback (most recent call last):\n" in done.stderr
    assert "\nZeroDivisionError: " in done.stderr
    assert done.stderr.endswith("\nconvboard: job 1 (scheduler.at=0) failed; see the message above.\n")


FRAGILE = """
class Fragile:
    def __init__(self, at):
        self.at = at

    def __call__(self, step, total_steps, steps_per_epoch):
        return 1 / self.at
"""


def test_a_mistake_in_the_sweep_itself_is_told_before_any_run(run_command: RunCommand, tmp_path: Path) -> None:
    done = run_command("train.py", "-m", "model=lenet,conv_mlpp", *SHORT, expected_code=2)
    assert done.stderr.startswith("convboard: model='conv_mlpp' is not known. Did you mean 'conv_mlp'? Allowed: ")
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_without_a_run_leaves_nothing_behind(refused: Callable[..., str]) -> None:
    none = "-m: the sweep has no runs, because a range(...) or glob(...) in it gives no value."
    assert refused("-m", "model=glob(x*)") == none
    assert refused("seed=range(0,1000)", "-m", "batch_size=range(1,1000)") == (
        "-m: the sweep would have 999,000 runs. At most 100,000 are possible."
    )
    told = refused("-m", "seed=1,2", "batch_size=0", "hydra.sweep.dir=here/it")
    assert told.startswith("job 0 (seed=1): batch_size=0: must be at least 1.")


def test_a_name_that_is_too_long_for_a_folder_ends_in_a_hash(run_command: RunCommand, tmp_path: Path) -> None:
    layers = f"[flatten,{'{linear: {out_features: 12}},relu,' * 3}{{linear: {{out_features: 1%d}}}},linear]"
    run_command("train.py", "-m", "model=sequential", f"model.layers={layers % 3},{layers % 4}", *SHORT)
    names = sorted(jobs(tmp_path))
    assert [len(name) for name in names] == [157, 157]
    assert names[0].startswith("model.layers=_flatten,_linear__out_features_12__,relu,")


def test_jobs_whose_readable_names_are_the_same_have_directories_of_their_own(
    run_command: RunCommand, tmp_path: Path
) -> None:
    run_command("train.py", "-m", "data_dir=a/b,a_b", *SHORT)
    told, hashed = sorted(jobs(tmp_path))
    assert told == "data_dir=a_b"
    assert re.fullmatch(r"data_dir=a_b-[0-9a-f]{6}", hashed)
