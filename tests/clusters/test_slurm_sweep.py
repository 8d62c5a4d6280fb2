"""A sweep whose workers run in jobs of a real Slurm: whatever happens to them, each trial ends once, as alone."""

import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from clusters.slurm_cluster import SlurmCluster
from convboard.cli.watch_sweep import describe_jobs
from convboard.experiment.run_files import RESULT
from convboard.experiment.stored_json import read_result
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.losses import STOPPED
from convboard.sweeps.store.sweep_folder import Sweep

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
Train = Callable[..., str]

pytestmark = pytest.mark.thorough
SUBMIT = ("sweep/backend=slurm", "dataset=digits", "board=minimal", "hydra.sweep.dir=sweep")
LONG = "trainer.max_epochs=20"  # long enough to be interrupted
SECONDS = 240


@pytest.fixture
def train(run_command: RunCommand, slurm: SlurmCluster) -> Train:
    """Run `train.py -m` on the login node; gives what it prints."""
    environment = {name: slurm.environment[name] for name in ("SLURM_CONF", "PATH")}

    def run(*arguments: str, expected_code: int = 0) -> str:
        command = ("train.py", "-m", *arguments)
        done = run_command(*command, environment=environment, expected_code=expected_code, timeout=SECONDS)
        return done.stdout if expected_code == 0 else done.stderr

    return run


def wait_for_running(sweep: Sweep, number: int, node: str = "") -> None:
    """Wait until so many trials have done an epoch and still run, on this node if one is named."""

    def are_running() -> bool:
        sweep.refresh()
        running = (trial for trial, worker in sweep.journal.running() if worker.startswith(node))
        return sum((sweep.run_dir(trial) / "curves.csv").exists() for trial in running) >= number

    wait_until(are_running)


def wait_until(is_so: Callable[[], bool], seconds: float = SECONDS) -> None:
    gives_up = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < gives_up
        time.sleep(0.1)


def jobs(slurm: SlurmCluster) -> dict[str, str]:
    """The state of each job, and of each task of an array, by its id."""
    listed = slurm.run("squeue", "--noheader", "--states=all", "--array", "--format=%i %T")
    return {line.split()[0]: line.split()[1] for line in sorted(listed.splitlines())}


def log_of(job: str) -> str:
    """What a job has printed; nothing before it has begun."""
    return "".join(log.read_text() for log in Path("sweep/slurm").glob(f"*/{job}_0_log.out"))


def assert_whole(sweep: Sweep, run_command: RunCommand, alone: int) -> None:
    """Each trial has finished, once; this one as its own command line does."""
    sweep.refresh()
    for trial in sweep.trials:
        states = [entry.state for entry in sweep.journal.entries(trial.number)]
        assert states[-1] is State.FINISHED
        assert states.count(State.FINISHED) == 1
        assert State.FAILED not in states
    run_command("train.py", *sweep.trials[alone].overrides, "hydra.run.dir=alone", timeout=SECONDS)
    metrics = [read_result(run / RESULT)["metrics"] for run in (Path("alone"), sweep.run_dir(alone))]
    assert metrics[0] == metrics[1]


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_an_array_of_workers_trains_each_trial_as_alone(
    train: Train, slurm: SlurmCluster, run_command: RunCommand
) -> None:
    workers = ("sweep.workers=3", "sweep.backend.workers_per_node=2", "sweep.backend.idle_minutes=null")
    submitted = train(*SUBMIT, *workers, "seed=1,2,3,4", "trainer.max_epochs=2")
    assert "workers:    3 workers by slurm, in 2 jobs\n" in submitted
    assert "logs:       sweep/slurm/0000/*.out\n" in submitted
    assert len(jobs(slurm)) == 2

    assert "(mean over 4 seeds)" in train("sweep.watch=sweep")
    wait_until(lambda: set(jobs(slurm).values()) == {"COMPLETED"})
    assert [log_of(job).count("joined:") for job in jobs(slurm)] == [1, 1]
    assert_whole(Sweep.open(Path("sweep")), run_command, alone=1)


def test_workers_save_when_they_are_warned_or_cancelled_and_a_controller_that_is_away_does_no_harm(
    train: Train, slurm: SlurmCluster, run_command: RunCommand
) -> None:
    train(*SUBMIT, "sweep.workers=3", "seed=1,2,3,4", LONG)
    sweep = Sweep.open(Path("sweep"))
    warned, cancelled, third = jobs(slurm)
    wait_for_running(sweep, 3)
    slurm.run("scancel", "--signal=USR2", warned)  # as before the time limit
    slurm.run("scancel", cancelled)
    slurm.stop_controller()
    slurm.start_controller()

    wait_until(lambda: log_of(warned).count("joined:") == 2)
    assert "(mean over 4 seeds)" in train("sweep.watch=sweep")
    wait_until(lambda: jobs(slurm) == {warned: "COMPLETED", cancelled: "CANCELLED", third: "COMPLETED"})
    assert log_of(cancelled).count("joined:") == 1
    sweep.refresh()
    ends = [end for trial in sweep.trials for end in sweep.journal.entries(trial.number) if end.reason]
    assert [end.reason for end in ends if end.state is State.INTERRUPTED] == [STOPPED, STOPPED]
    assert_whole(sweep, run_command, alone=0)


def test_a_cancelled_sweep_leaves_no_job_and_goes_on_as_printed(
    train: Train, slurm: SlurmCluster, run_command: RunCommand
) -> None:
    submitted = train(*SUBMIT, "sweep.workers=6", "seed=1,2,3,4,5,6", LONG)  # 4 run, and 2 wait for a CPU
    sweep = Sweep.open(Path("sweep"))
    wait_for_running(sweep, 4)
    cancelled = train("sweep.cancel=sweep")
    assert "left:       6 trials to run\n" in cancelled
    wait_until(lambda: set(jobs(slurm).values()) <= {"COMPLETED", "CANCELLED"})
    sweep.refresh()
    assert not list(sweep.journal.running())

    (more,) = (line for line in submitted.splitlines() if line.startswith("more: "))
    train(*shlex.split(more.partition(" -m ")[2])[:-1], "sweep.workers=4")
    assert "(mean over 6 seeds)" in train("sweep.watch=sweep")
    assert_whole(sweep, run_command, alone=5)


def test_trials_of_a_worker_that_is_killed_go_on_elsewhere(
    train: Train, slurm: SlurmCluster, run_command: RunCommand
) -> None:
    train(*SUBMIT, "sweep.workers=4", "seed=1,2,3,4", LONG)
    sweep = Sweep.open(Path("sweep"))
    wait_for_running(sweep, 4)
    victim = jobs(slurm).popitem()[0]
    for process in psutil.process_iter():
        if is_worker(process) and process.environ()["SLURM_ARRAY_TASK_ID"] == victim.partition("_")[2]:
            process.kill()
    assert "(mean over 4 seeds)" in train("sweep.watch=sweep")
    assert jobs(slurm)[victim] == "FAILED"
    assert_whole(sweep, run_command, alone=3)


def is_worker(process: psutil.Process) -> bool:
    command = process.cmdline()
    return "convboard" in command and f"sweep.join={Path('sweep').absolute()}" in command


@pytest.mark.slow
@pytest.mark.parametrize("grace", [0, 40])
def test_runs_go_on_after_their_jobs_were_preempted(
    train: Train, slurm: SlurmCluster, run_command: RunCommand, grace: int
) -> None:
    slurm.run("scontrol", "update", "PartitionName=main", f"GraceTime={grace}")
    train(*SUBMIT, "sweep.workers=4", "sweep.backend.workers_per_node=2", "seed=1,2,3,4", LONG)
    sweep = Sweep.open(Path("sweep"))
    wait_for_running(sweep, 4)
    ours = list(jobs(slurm))
    urgent = slurm.submit("--partition=urgent", "--cpus-per-task=2", "--output=/dev/null", "--wrap=sleep 1")
    slurm.wait_for(urgent, "COMPLETED", SECONDS)
    assert "(mean over 4 seeds)" in train("sweep.watch=sweep")
    wait_until(lambda: {jobs(slurm)[job] for job in ours} == {"COMPLETED"})
    assert sorted(log_of(job).count("joined:") for job in ours) == [1, 2]
    assert_whole(sweep, run_command, alone=0)


@pytest.mark.slow
def test_a_job_that_reaches_its_time_limit_goes_on(train: Train, slurm: SlurmCluster, run_command: RunCommand) -> None:
    limit = ("sweep.backend.minutes=1", "sweep.backend.save_seconds=10")
    train(*SUBMIT, "sweep.workers=1", *limit, "seed=1,2", "trainer.max_epochs=200")
    sweep = Sweep.open(Path("sweep"))
    (job,) = jobs(slurm)
    wait_until(lambda: log_of(job).count("joined:") >= 3, 3 * SECONDS)
    train("sweep.watch=sweep")
    assert_whole(sweep, run_command, alone=1)


@pytest.mark.slow
def test_runs_of_a_node_that_fails_go_on(train: Train, slurm: SlurmCluster, run_command: RunCommand) -> None:
    train(*SUBMIT, "sweep.workers=4", "sweep.backend.workers_per_node=2", "seed=1,2,3,4", LONG)
    sweep = Sweep.open(Path("sweep"))
    wait_for_running(sweep, 1, "node1")
    slurm.kill_node("node1", is_noticed=False)
    assert "(mean over 4 seeds)" in train("sweep.watch=sweep")
    slurm.start_node("node1")
    wait_until(lambda: set(jobs(slurm).values()) == {"COMPLETED"})
    assert_whole(sweep, run_command, alone=0)


def test_what_slurm_refuses_is_told_in_its_words_before_a_sweep_is_written(train: Train, slurm: SlurmCluster) -> None:
    submit = (*SUBMIT, "seed=1,2", "sweep.workers=2")
    too_many = ("sweep.backend.gpus=1", "sweep.backend.workers_per_node=9")
    assert "invalid partition specified: nosuch" in train(*submit, "sweep.backend.partition=nosuch", expected_code=2)
    refused = train(*submit[:-1], "sweep.workers=9", *too_many, "--dry-run", expected_code=2)
    assert "Requested node configuration is not available" in refused
    refused = train(*submit, "sweep.backend.extra={constraint:a100}", expected_code=2)
    assert "Invalid feature specification" in refused
    assert not Path("sweep").exists()
    slurm.stop_controller()
    assert "Slurm refuses: " in train(*submit, expected_code=2)
    slurm.start_controller()


def test_nodes_that_do_not_see_the_folder_are_told(
    train: Train, slurm: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for node in slurm.nodes:
        slurm.kill_node(node)
        slurm.start_node(node, setup=f"mount -t tmpfs none '{tmp_path}'")
    wait_until(lambda: slurm.idle_nodes() == set(slurm.nodes))
    train(*SUBMIT, "sweep.workers=2", "seed=1,2")
    wait_until(lambda: set(jobs(slurm).values()) == {"FAILED"})
    monkeypatch.setenv("SLURM_CONF", slurm.environment["SLURM_CONF"])
    assert "have ended, and no worker of them has begun: see sweep/slurm/0000/*.out" in describe_jobs(Path("sweep"))
