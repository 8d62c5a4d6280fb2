"""What is asked of Slurm, by programs that stand in for its clients; tests/clusters has a real one."""

import os
import pickletools
import stat
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from convboard.errors import ConfigError, RunError
from convboard.sweeps.backends.slurm import SlurmBackend, SlurmSettings
from convboard.sweeps.backends.slurm_worker import REQUEUE, SlurmWorker
from convboard.sweeps.command_options import read_options
from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.stop_requests import request_stop
from convboard.sweeps.store.submissions import Submission, submit
from sweep_records import sweep_of_seeds

CLIENTS = {
    "srun": "",
    "scontrol": "echo 'MaxArraySize            = 4'",
    "sbatch": 'echo "$SLURM_JOB_ID$*" >> asked; echo "Submitted batch job $(wc -l < asked)"',
    "scancel": 'echo "scancel $*" >> asked',
    "squeue": "printf 'RUNNING None\\nPENDING Priority\\nPENDING PartitionTimeLimit\\nRUNNING None\\n'",
}


@pytest.fixture(autouse=True)
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the clients, in which each writes down how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in CLIENTS.items():
        write_client(folder / name, text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def write_client(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def submission(workers: int, settings: SlurmSettings) -> Submission:
    return submit(sweep_of_seeds(Path("sweep").absolute(), 2), asdict(settings), workers, stops=0)


def test_workers_are_submitted_as_arrays_that_are_not_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "99")  # a command within a job; its own jobs inherit nothing of that
    settings = SlurmSettings(
        workers_per_node=2, cpus=3, gpus=1, memory_gb=1.5, minutes=30, save_seconds=60, account="us",
        setup=["module load cuda"], extra={"constraint": "a100", "exclusive": True}, python="run image python",
    )  # fmt: skip
    asked = submission(13, settings)
    assert SlurmBackend(settings).start(asked) == ["1_[0-3]", "2_[0-1]", "3"]
    assert not any(line.startswith("99") for line in Path("asked").read_text().splitlines())
    assert os.environ["SLURM_JOB_ID"] == "99"

    folder = Path("sweep/slurm/0000")
    first, last = ((folder / f"{job}_submission.sh").read_text() for job in (1, 3))
    for option in (
        *("array=0-3%4", "cpus-per-task=6", "gpus-per-node=2", "mem=3072M", "time=30", "signal=USR2@60", "account=us"),
        *("constraint=a100", "open-mode=append", f"job-name={asked.name}", "nodes=1"),
    ):
        assert f"#SBATCH --{option}\n" in first
    assert "#SBATCH --requeue\n" in first
    assert "#SBATCH --exclusive\n" in first
    assert "\nmodule load cuda\n" in first
    assert " --cpus-per-task=6 run image python -u -m submitit" in first
    assert "#SBATCH --cpus-per-task=3\n" in last
    assert "partition" not in first + last


def test_only_a_class_of_convboard_is_pickled_where_nobody_else_can_write() -> None:
    settings = SlurmSettings()
    umask = os.umask(0)
    try:
        SlurmBackend(settings).start(submission(1, settings))
    finally:
        os.umask(umask)
    folder = Path("sweep/slurm/0000")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    (pickled,) = folder.glob("*.pkl")
    named = [argument for _, argument, _ in pickletools.genops(pickled.read_bytes()) if isinstance(argument, str)]
    modules = {text for text in named if text.startswith(("convboard.", "submitit.", "builtins"))}
    assert modules == {"convboard.sweeps.backends.slurm_worker", "submitit.core.utils"}


def test_a_folder_that_is_there_already_is_not_used() -> None:
    settings = SlurmSettings()
    asked = submission(1, settings)
    Path("sweep/slurm/0000").mkdir(parents=True)
    with pytest.raises(RunError, match="exists"):
        SlurmBackend(settings).start(asked)
    assert not Path("asked").exists()


def test_what_slurm_refuses_is_told_and_leaves_nothing(clients: Path) -> None:
    settings = SlurmSettings()
    write_client(clients / "sbatch", "echo 'sbatch: error: Batch job submission failed: Invalid account' >&2; exit 1")
    with pytest.raises(RunError, match=r"^Slurm refuses the jobs: Batch job submission failed: Invalid account\.$"):
        SlurmBackend(settings).start(submission(2, settings))
    assert not Path("sweep/slurm/0000").exists()
    with pytest.raises(ConfigError, match=r"^Slurm refuses: Batch job submission failed: Invalid account\.$"):
        settings.check(2)


def test_a_machine_without_clients_is_told_where_to_go(clients: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match=r"no client of Slurm \(sbatch is not found\).* login node"):
        SlurmSettings().check(1)


def test_jobs_are_counted_with_what_holds_them_back_and_cancelled_by_name() -> None:
    settings = SlurmSettings()
    asked, backend = submission(1, settings), SlurmBackend(settings)
    counts = {"RUNNING": 2, "PENDING": 1, "PENDING (PartitionTimeLimit)": 1}
    assert backend.count(asked) == counts
    assert backend.cancel(asked) == "4 jobs of Slurm (2 RUNNING, 1 PENDING, 1 PENDING (PartitionTimeLimit))"
    assert Path("asked").read_text() == f"scancel --name={asked.name}\n"


@pytest.mark.parametrize(
    "extra",
    [
        ["sweep.backend.extra={constraint:a100,nice:5}"],
        ["sweep.backend.extra.constraint=a100", "+sweep.backend.extra.nice=5"],
    ],
)
def test_further_options_of_sbatch_have_any_names(extra: list[str]) -> None:
    options, _ = read_options(["sweep/backend=slurm", *extra])
    assert options.backend == SlurmSettings(extra={"constraint": "a100", "nice": 5})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"extra": {"time": 5}}, "sweep.backend.extra.time: give it with sweep.backend.minutes=."),
        ({"extra": {"job_name": "a"}}, "sweep.backend.extra.job_name: convboard gives it itself; omit it."),
        ({"minutes": 1, "save_seconds": 60}, "sweep.backend.save_seconds=60: a job has only sweep.backend.minutes=1."),
        ({"memory_gb": 0.0}, "sweep.backend.memory_gb=0: must be 0.01 to 1e6."),
        ({"python": "a 'b"}, "sweep.backend.python=a 'b: No closing quotation."),
    ],
)
def test_a_mistake_is_told_in_one_sentence(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        SlurmSettings(**settings)  # type: ignore[arg-type]
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("script", "finished", "is_cancelled", "code"),
    [
        ("pass", 0, False, 0),
        ("exit(1)", 0, False, 1),
        ("exit(128 + 15)", 0, False, REQUEUE),
        ("import os; os.kill(os.getpid(), 12)", 1, False, REQUEUE),
        ("exit(128 + 15)", 0, True, 128 + 15),
        ("exit(128 + 15)", 2, False, 128 + 15),
        ("import os; os.kill(os.getpid(), 9)", 0, False, 128 + 9),
    ],
)
def test_a_job_begins_anew_if_a_signal_has_ended_it_and_work_is_left(
    tmp_path: Path, script: str, finished: int, is_cancelled: bool, code: int
) -> None:
    sweep = sweep_of_seeds(tmp_path / "sweep", 2)
    for number in range(finished):
        sweep.journal.claim("w", [number])
        sweep.journal.append(number, Entry(State.FINISHED, value=1.0))
    if is_cancelled:
        request_stop(sweep.folder)
    with pytest.raises(SystemExit) as ended:
        SlurmWorker(["-c", script], str(tmp_path), str(sweep.folder), stops=0)()
    assert ended.value.code == code


def test_a_warning_before_the_workers_have_started_lets_the_job_begin_anew(tmp_path: Path) -> None:
    sweep = sweep_of_seeds(tmp_path / "sweep", 1)
    with pytest.raises(SystemExit) as ended:
        SlurmWorker(["-c", "pass"], sys.prefix, str(sweep.folder), stops=0).checkpoint()
    assert ended.value.code == REQUEUE
