"""Sweeps: a run for every combination, side by side; each costs itself alone, and what was stopped goes on."""

import itertools
import json
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import convboard
from commands import TRAIN, Command
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.sweep_folder import Sweep
from interrupted import assert_same

StartCommand = Callable[..., Command]
RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
SHORT = ("trainer.max_epochs=1", "trainer.limit_train_batches=2", "board=minimal")


def jobs(folder: Path) -> dict[str, Path]:
    """The run directories of the only sweep, by name."""
    (sweep,) = (folder / "outputs/sweeps").iterdir()
    return {path.parent.name: path.parent for path in sweep.glob("*/config.yaml")}


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


@pytest.mark.thorough
@pytest.mark.parametrize("plan", ["auto", "measure"])
def test_a_run_of_a_sweep_is_what_it_is_alone(plan: str, run_command: RunCommand, tmp_path: Path) -> None:
    """What runs beside it leaves no trace; the command that is printed for it gives the same bits."""
    swept = ("model=sequential", "dataset.random_crop=2", "trainer.deterministic=true,false", "seed=1,2")
    done = run_command("train.py", "-m", *swept, f"trainer.plan={plan}", "trainer.precision=auto", *SHORT)
    told = dict(re.findall("^(best|repeat it): +(.*)$", done.stdout, re.MULTILINE))
    _, script, *alone = shlex.split(told["repeat it"])
    run_command(script, *alone, "hydra.run.dir=alone")
    assert_same(tmp_path / told["best"], tmp_path / "alone")
    folder = tmp_path / told["best"]
    assert (folder / "plan.json").read_text() == (tmp_path / "alone/plan.json").read_text()
    for trial in Sweep.open(folder.parent).trials:
        fixed = [override for override in trial.overrides if override.startswith(("trainer.channels", "trainer.prec"))]
        is_measured = plan == "measure" and "deterministic=false" in trial.folder
        assert len(fixed) == (3 if is_measured else 1)  # one of which is given
        log = (folder.parent / trial.folder / "log.txt").read_text()
        assert not re.search("plan: +(measured|remembered)", log)


@pytest.mark.thorough
@pytest.mark.parametrize("given", ["--config-dir=more options", "hydra.searchpath=['file://more options']"])
def test_options_of_a_folder_of_the_users_own(given: str, run_command: RunCommand, tmp_path: Path) -> None:
    (tmp_path / "more options/optimizer").mkdir(parents=True)
    (tmp_path / "more options/optimizer/mine.yaml").write_text("_target_: torch.optim.SGD\nlr: 0.07\n")
    (tmp_path / "conf/model").mkdir(parents=True)
    (tmp_path / "conf/model/own.yaml").write_text("_target_: convboard.models.LeNet\n")
    done = run_command("train.py", "-m", given, "optimizer=mine,sgd", "model=own", "seed=1,2", *SHORT)
    runs = jobs(tmp_path)
    assert convboard.load_run(runs["optimizer=mine,seed=2"]).config.optimizer["lr"] == 0.07
    assert len(runs) == 4
    told = dict(re.findall("^(best|repeat it): +(.*)$", done.stdout, re.MULTILINE))
    _, script, *alone = shlex.split(told["repeat it"])
    run_command(script, *alone, "hydra.run.dir=alone")
    assert convboard.load_run(tmp_path / "alone").metrics == convboard.load_run(tmp_path / told["best"]).metrics


@pytest.mark.thorough
def test_a_key_for_hydra_is_said_to_cost_the_pool(run_command: RunCommand, tmp_path: Path) -> None:
    done = run_command("train.py", "hydra.mode=MULTIRUN", "seed=1,2", *SHORT)
    assert "2 trials, 2 to run" in done.stdout
    done = run_command("train.py", "-m", "hydra.sweep.subdir=number ${hydra.job.num}", "seed=1,2", *SHORT)
    assert "hydra.sweep.subdir=number ${hydra.job.num} is for Hydra's own launcher" in done.stderr
    assert len(list(tmp_path.glob("outputs/sweeps/*/number [01]"))) == 2
    done = run_command("train.py", "-m", "hydra/launcher=basic", "seed=1,2", *SHORT)
    assert "own launcher" not in done.stderr


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


@pytest.mark.thorough
def test_a_trial_that_fails_costs_itself_alone(run_command: RunCommand, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FRAGILE)
    swept = ("scheduler._target_=mine.Fragile", "scheduler.at=4,0,2")
    short = (*SHORT, "trainer.limit_train_batches=3")
    done = run_command("train.py", "-m", *swept, *short, expected_code=1)
    assert jobs(tmp_path).keys() == {"scheduler.at=4", "scheduler.at=0", "scheduler.at=2"}
    assert done.stdout.count("ZeroDivisionError: division by zero") == 2  # when it happens, and at the end
    assert done.stderr == "convboard: 1 of 3 trials failed.\n"
    (log,) = tmp_path.glob("outputs/sweeps/*/scheduler.at=0/log.txt")
    assert "Traceback" in log.read_text()
    assert f"log:   {log.relative_to(tmp_path)}" in done.stdout
    alone = run_command("train.py", *swept[:1], "scheduler.at=0", *short, expected_code=1)
    assert "ZeroDivisionError: division by zero" in alone.stderr
    go_on = f"sweep.resume={log.parent.parent.relative_to(tmp_path)}"
    refused = run_command("train.py", "-m", go_on, "sweep.retry=0", expected_code=2)
    assert "trial 0 has not failed. Those that failed: 1." in refused.stderr
    kept = run_command("train.py", "-m", go_on, "sweep.retry=none", expected_code=1)
    assert "3 trials, 0 to run" in kept.stdout
    (tmp_path / "mine.py").write_text(FRAGILE.replace("1 / self.at", "1.0"))
    refused = run_command("train.py", "-m", go_on, expected_code=2)
    assert "mine.py has changed" in refused.stderr
    accept = refused.stderr.split()[-1]
    assert "3 trials, 1 to run" in run_command("train.py", "-m", go_on, accept).stdout


@pytest.mark.thorough
def test_a_sweep_that_is_stopped_goes_on(run_command: RunCommand, start_command: StartCommand, tmp_path: Path) -> None:
    arguments = ("-m", "seed=1,2,3,4,5,6", "trainer.max_epochs=3", "board=minimal", "sweep.workers=2")
    started = start_command("train.py", *arguments)
    while not list(tmp_path.glob("outputs/sweeps/*/*/result.json")):
        time.sleep(0.05)
    os.kill(started.pid, signal.SIGINT)
    stopped = started.finish()
    assert stopped.returncode == 130
    (sweep,) = tmp_path.glob("outputs/sweeps/*")
    go_on = f"sweep.resume={sweep.relative_to(tmp_path)}"
    assert stopped.stderr.endswith(f"Go on with the sweep: {TRAIN} -m {go_on}\n")
    stored = Sweep.open(sweep)
    finished = [trial for trial in stored.trials if stored.journal.state(trial.number) is State.FINISHED]
    results = [sweep / trial.folder / "result.json" for trial in finished]  # others may have one, and be interrupted
    before = {path: path.stat().st_mtime_ns for path in results}
    done = run_command("train.py", "-m", go_on)
    assert f"6 trials, {6 - len(before)} to run, 2 at a time" in done.stdout
    assert len(jobs(tmp_path)) == 6
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    again = run_command("train.py", "-m", go_on)
    assert "6 trials, 0 to run" in again.stdout
    result = re.search("result:(.|\n)*", again.stdout)
    assert result is not None
    assert result[0] in done.stdout


SLOW = """
import time
from pathlib import Path
from torch import nn

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(784, 10))
        if Path("wait").exists():
            Path("waits").touch()
            time.sleep(60)
"""


@pytest.mark.thorough
def test_a_resumed_sweep_that_is_stopped_before_it_trains(
    run_command: RunCommand, start_command: StartCommand, tmp_path: Path
) -> None:
    """The further values are asked for again: the sweep does not know them yet."""
    (tmp_path / "slow.py").write_text(SLOW)
    run_command("train.py", "-m", "model._target_=slow.Net", "seed=1", "hydra.sweep.dir=sweep", *SHORT)
    (tmp_path / "wait").touch()
    started = start_command("train.py", "-m", "sweep.resume=sweep", "batch_size=32")
    while not (tmp_path / "waits").exists():
        time.sleep(0.05)
    os.kill(started.pid, signal.SIGINT)
    stopped = started.finish()
    assert stopped.returncode == 130
    message, command = stopped.stderr.rsplit(": ", 1)
    assert message == "convboard: interrupted before the first trial. Go on with the sweep"
    (tmp_path / "wait").unlink()
    _, script, *arguments = shlex.split(command)
    assert "2 trials, 1 to run" in run_command(script, *arguments).stdout


FRAGILE = """
class Fragile:
    def __init__(self, at):
        self.at = at

    def __call__(self, step, total_steps, steps_per_epoch):
        return 1.0 if step in (0, total_steps - 1) else 1 / self.at  # those two are tried before anything starts
"""


def test_a_mistake_in_one_combination_is_told_before_any_run(refused: Callable[..., str]) -> None:
    told = refused("-m", "model=lenet,conv_mlpp", "seed=1,2")
    assert told.startswith("trial model=conv_mlpp seed=1: model='conv_mlpp' is not known. Did you mean 'conv_mlp'?")
    told = refused("-m", "seed=1,2", "batch_size=32,0", "hydra.sweep.dir=here/it")
    assert told.startswith("trial seed=1 batch_size=0: batch_size=0: must be at least 1.")
    assert refused("-m", "model=glob(x*)").startswith("model=glob(x*) gives no value: the sweep has no trials.")
    assert refused("seed=range(0,1000)", "-m", "batch_size=range(1,1000)") == (
        "-m: the sweep would have 999,000 runs. At most 100,000 are possible."
    )
    assert refused("-m", "objective=loss/val,accuracy/val").startswith(
        "objective=loss/val,accuracy/val: the trials of a sweep are compared by one objective."
    )
    assert refused("-m", "seed=1,2", "sweep.workers=0") == "sweep.workers=0: must be at least 1."
    assert refused("-m", "sweep.resume=.").startswith(". has no sweep")
    assert refused("-m", "sweep.workerz=3").startswith(
        "sweep.workerz is not a known key. Did you mean 'sweep.workers'?"
    )
    assert refused("sweep.resume=outputs/sweeps/it") == "sweep.resume=outputs/sweeps/it is for a sweep: add -m."
    assert refused("-m", "seed=1,2", "hydra/launcher=basic", "--dry-run").startswith(
        "sweep.dry_run=true cannot be used with a launcher or a sweeper of Hydra"
    )
    assert refused("-m", "seed=1,2", "sweep.per_gpu=2").startswith("sweep.per_gpu=2: there is no GPU here")


@pytest.mark.thorough
def test_a_combination_that_would_fail_is_told_before_any_run(run_command: RunCommand, tmp_path: Path) -> None:
    swept = ("model=lenet,batchnorm_cnn", "dataset.image_size=28,7", "seed=1,2", "data_dir=data")
    done = run_command("train.py", "-m", *swept, expected_code=2)
    told = "convboard: trial model=lenet dataset.image_size=7 seed=1: LeNet does not fit images of 1x7x7."
    assert done.stderr.startswith(told)
    assert done.stderr.endswith("\nIn all, 2 of 8 trials cannot be run, for this reason.\n")
    shown = run_command("train.py", "-m", "model=lenet,batchnorm_cnn", "seed=1,1", "--dry-run")
    assert "repeated:   2 of 4 trials are equal to others" in shown.stdout
    assert "    1  batchnorm_cnn  1" in shown.stdout
    assert shown.stdout.endswith("would run:  2 trials, 2 at a time; all are checked, and none was started\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.thorough
@pytest.mark.parametrize(
    "number", ["seed=range(0,51)", "sweep=random sweep.max_trials=51 optimizer.lr=interval(0.1,1)"]
)
def test_many_trials_have_no_pictures_unless_they_are_asked_for(
    number: str, run_command: RunCommand, tmp_path: Path
) -> None:
    short = [*number.split(), "hydra.sweep.dir=it", "--dry-run"]
    done = run_command("train.py", "-m", *short)
    told = (
        "board:      minimal, since the sweep has more than 50 trials: curves, and no pictures. For those of the best"
    )
    assert told in done.stdout
    assert "runs.py pictures it best=5. For those of all: board=default\n" in done.stdout
    assert "board:" not in run_command("train.py", "-m", *short, "board=default").stdout


@pytest.mark.thorough
def test_a_name_that_is_too_long_for_a_folder_ends_in_a_hash(run_command: RunCommand, tmp_path: Path) -> None:
    layers = f"[flatten,{'{linear: {out_features: 12}},relu,' * 3}{{linear: {{out_features: 1%d}}}},linear]"
    done = run_command("train.py", "-m", "model=sequential", f"model.layers={layers % 3},{layers % 4}", *SHORT)
    names = sorted(jobs(tmp_path))
    assert [len(name) for name in names] == [157, 157]
    assert names[0].startswith("model.layers=_flatten,_linear__out_features_12__,relu,")
    told = dict(re.findall("^(best|repeat it): +(.*)$", done.stdout, re.MULTILINE))
    _, script, *repeat = shlex.split(told["repeat it"])  # as a shell reads it
    run_command(script, *repeat, "hydra.run.dir=again")
    best = convboard.load_run(tmp_path / told["best"])
    assert convboard.load_run(tmp_path / "again").metrics == best.metrics


def test_a_folder_that_cannot_be_written_is_told(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told = refused("-m", "seed=1,2", "hydra.sweep.dir=file/sweep")
    assert told.startswith("file/sweep cannot be written: Not a directory (")
    assert told.endswith("Choose another folder with hydra.sweep.dir=<folder>.")


@pytest.mark.thorough
def test_jobs_whose_readable_names_are_the_same_have_directories_of_their_own(
    run_command: RunCommand, tmp_path: Path
) -> None:
    run_command("train.py", "-m", "data_dir=a/b,a_b", *SHORT)
    told, hashed = sorted(jobs(tmp_path))
    assert told == "data_dir=a_b"
    assert re.fullmatch(r"data_dir=a_b-[0-9a-f]{6}", hashed)
