"""Workers in jobs of Slurm, which are submitted through submitit, as arrays."""

import itertools
import os
import re
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from convboard.config.value_checks import between
from convboard.errors import ConfigError, RunError
from convboard.experiment.console import counted
from convboard.sweeps.backends.settings import RemoteSettings
from convboard.sweeps.backends.slurm_worker import REQUEUE, SlurmWorker
from convboard.sweeps.store.submissions import Submission

FOLDER = "slurm"  # in the folder of a sweep: a folder for each submission
_SECONDS = 60.0  # that a client of Slurm may take: without a controller it tries for some time
_ARRAY = 1001  # tasks of the largest array, unless Slurm says otherwise
_REASONS = ("None", "Priority", "Resources")  # for which jobs just wait their turn
# Options of sbatch that cannot be given with sweep.backend.extra, and what to do instead.
_OWN = {
    "partition": "partition=",
    "account": "account=",
    "qos": "qos=",
    "time": "minutes=",
    "mem": "memory_gb=",
    "cpus-per-task": "cpus=",
    "gpus-per-node": "gpus=",
    "signal": "save_seconds=",
    **dict.fromkeys(("job-name", "array", "nodes", "ntasks", "output", "error", "open-mode", "requeue", "wrap"), ""),
}
# A job whose workers have saved and left work begins anew, unless it is about to end: after scancel, or since Slurm
# requeues it by itself, its state is COMPLETING. In an array, the id of its last task is that of the whole array too.
_REQUEUE = f"""code=$?
job=${{SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}}${{SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}}
if [ $code = {REQUEUE} ] && [ "$(squeue --noheader --jobs=$job --format=%T)" = RUNNING ]; then
    exec scontrol requeue $job
fi
exit $code"""
# What describes a job in which this command may run itself; the others say which Slurm to ask, and the user's defaults.
_OF_A_JOB = re.compile(r"(SLURM_(?!CONF$|CLUSTERS$)|SLURMD_|SRUN_|SUBMITIT_|PMI)")


@dataclass
class SlurmSettings(RemoteSettings):
    """Jobs of Slurm, as arrays; needs the extra `slurm`.

    Attributes:
        partition: The partition; null: Slurm's default, as for all that is null here.
        account: The account that pays.
        qos: The quality of service.
        minutes: Time limit of a job. Before it, runs are saved, and the job is requeued: it may be short.
        memory_gb: Memory of each worker in GB.
        save_seconds: Seconds before the time limit at which runs are saved. Slurm may be a minute early.
        setup: Shell commands that a job runs first, such as 'module load cuda'.
        extra: Further options of sbatch, such as {constraint: a100}.
    """

    name: str = "slurm"
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    minutes: int = 60
    memory_gb: float | None = None
    save_seconds: int = 120
    setup: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        between("sweep.backend.minutes", self.minutes, 1)
        between("sweep.backend.save_seconds", self.save_seconds, 1, 65_535)
        if self.memory_gb is not None and not 0.01 <= self.memory_gb <= 1e6:
            raise ConfigError(f"sweep.backend.memory_gb={self.memory_gb:g}: must be 0.01 to 1e6.")
        if self.save_seconds >= 60 * self.minutes:
            raise ConfigError(
                f"sweep.backend.save_seconds={self.save_seconds}: a job has only sweep.backend.minutes={self.minutes}."
            )
        for option in self.extra:
            if (key := _OWN.get(option.replace("_", "-"))) is not None:
                advice = f"give it with sweep.backend.{key}" if key else "convboard gives it itself; omit it"
                raise ConfigError(f"sweep.backend.extra.{option}: {advice}.")

    def check(self, workers: int) -> None:
        """See `RemoteSettings`. Slurm itself is asked whether it would take the jobs."""
        try:
            import submitit  # noqa: F401  (only this backend needs it)
        except ImportError as error:
            raise ConfigError(
                f"sweep/backend=slurm needs submitit ({error}). Install convboard with the extra slurm: pip install "
                "'.[slurm]' in a checkout."
            ) from error
        options = _options(self, min(workers, self.workers_per_node))
        flags = [f"--{key.replace('_', '-')}" + ("" if value is True else f"={value}") for key, value in options]
        with _outside_of_jobs():
            try:
                _slurm("sbatch", "--test-only", *flags, "--wrap=true")
            except RunError as error:
                raise ConfigError(str(error)) from error


def _options(settings: SlurmSettings, workers: int) -> list[tuple[str, Any]]:
    """Return the options of sbatch that say what a job needs, by submitit's names.

    Args:
        settings: The settings.
        workers: Number of workers of the job.
    """
    memory = settings.memory_gb
    options = {
        "partition": settings.partition,
        "account": settings.account,
        "qos": settings.qos,
        "time": settings.minutes,
        "nodes": 1,
        "cpus_per_task": workers * settings.cpus,
        "gpus_per_node": workers * settings.gpus or None,
        "mem": None if memory is None else f"{max(1, round(memory * workers * 1024))}M",
        **settings.extra,
    }
    return [(name, value) for name, value in options.items() if value is not None and value is not False]


class SlurmBackend:
    """Starts workers in jobs of Slurm; see `Backend`.

    Args:
        settings: Its settings.
    """

    def __init__(self, settings: SlurmSettings) -> None:
        self._settings = settings

    def start(self, submission: Submission) -> list[str]:
        """See `Backend`. Each task of an array is one process of workers; all tasks of one array are alike."""
        folder = _folder(submission)
        if "%" in str(folder):  # Slurm puts ids of jobs in its place
            raise RunError(f"{submission.folder}: Slurm cannot write into a folder with % in its name.")
        folder.parent.mkdir(exist_ok=True)
        try:
            folder.mkdir(mode=0o755)  # new, and writable for nobody else: jobs load submitit's files from here
        except FileExistsError as error:
            raise RunError(
                f"{folder} exists, but the jobs that write there were never submitted: remove it."
            ) from error
        started: list[str] = []
        largest = _largest_array()
        for workers, group in itertools.groupby(submission.groups()):
            left = len(list(group))
            while left:
                tasks = min(left, largest)
                started.append(self._submit(submission, workers, tasks, started))
                left -= tasks
        return started

    def cancel(self, submission: Submission) -> str:
        """See `Backend`."""
        jobs = self.count(submission)
        if not jobs:
            return ""
        _slurm("scancel", f"--name={submission.name}")
        states = ", ".join(f"{number:,} {state}" for state, number in jobs.items())
        return f"{counted(sum(jobs.values()), 'job')} of Slurm ({states})"

    def count(self, submission: Submission) -> Mapping[str, int]:
        """See `Backend`. A job that waits for more than its turn has the reason in its state."""
        listed = _slurm("squeue", "--noheader", "--array", f"--name={submission.name}", "--format=%T %r")
        states: Counter[str] = Counter()
        for line in listed.splitlines():
            state, _, reason = line.strip().partition(" ")
            states[f"{state} ({reason})" if state == "PENDING" and reason not in _REASONS else state] += 1
        return states

    def logs(self, submission: Submission) -> str:
        """See `Backend`."""
        return f"{_folder(submission)}/*.out"

    def _submit(self, submission: Submission, workers: int, tasks: int, started: Sequence[str]) -> str:
        """Submit an array. Returns what Slurm calls it.

        Args:
            submission: The submission.
            workers: Number of workers of each task.
            tasks: Number of tasks.
            started: What has been submitted before.
        """
        from submitit import SlurmExecutor  # only this backend needs it
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        settings = self._settings
        options = dict(_options(settings, workers))
        python = shlex.join(shlex.split(settings.python)) if settings.python else None
        with _outside_of_jobs():
            executor = SlurmExecutor(_folder(submission), python=python)
            executor.update_parameters(
                job_name=submission.name,
                time=options.pop("time"),
                array_parallelism=tasks,  # all at once
                signal_delay_s=settings.save_seconds,
                setup=list(settings.setup),
                teardown=_REQUEUE.splitlines(),
                srun_args=[f"--cpus-per-task={options['cpus_per_task']}"],  # which srun does not take from the job
                stderr_to_stdout=True,
                wckey=None,
                additional_parameters={**options, "requeue": True},
            )
            worker = SlurmWorker(
                submission.arguments(workers), submission.directory, submission.folder, submission.stops
            )
            try:
                job = executor.submit_array([worker] * tasks)[0]
            except (FailedJobError, FailedSubmissionError) as error:
                if not started:
                    shutil.rmtree(_folder(submission))
                before = f" Only these were submitted: {', '.join(started)}." if started else ""
                raise RunError(f"Slurm refuses the jobs: {_said(str(error))}.{before}") from error
        return f"{job.job_id.partition('_')[0]}_[0-{tasks - 1}]" if tasks > 1 else job.job_id


def _folder(submission: Submission) -> Path:
    """Return the folder in which the jobs of a submission have their logs, and submitit its files."""
    return Path(submission.folder) / FOLDER / f"{submission.number:04}"


def _largest_array() -> int:
    """Return how many tasks an array may have."""
    with suppress(RunError):
        found = re.search(r"^MaxArraySize\s*=\s*(\d+)", _slurm("scontrol", "show", "config"), re.MULTILINE)
        return max(1, int(found[1])) if found else _ARRAY
    return _ARRAY


def _slurm(*command: str) -> str:
    """Return what a client of Slurm prints.

    Raises:
        RunError: There is none, or it refuses, or does not answer.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, stdin=subprocess.DEVNULL)
    except FileNotFoundError as error:
        raise RunError(
            f"this machine has no client of Slurm ({command[0]} is not found). Give the command on a login node of the "
            "cluster."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise RunError(f"Slurm does not answer: {command[0]} took more than {_SECONDS:.0f} s.") from error
    if done.returncode:
        raise RunError(f"Slurm refuses: {_said(done.stderr)}.")
    return done.stdout


def _said(errors: str) -> str:
    """Return what a client of Slurm says, in one line: `invalid partition specified: nosuch`."""
    lines = (re.sub(r"^\w+: (error: |fatal: )?", "", line.strip()) for line in errors.splitlines())
    return "; ".join(filter(None, lines)).rstrip(".") or "without a word"


@contextmanager
def _outside_of_jobs() -> Iterator[None]:
    """Within, a job that is submitted inherits nothing of the job in which this command runs, if it does."""
    inherited = {name: os.environ.pop(name) for name in list(os.environ) if _OF_A_JOB.match(name)}
    try:
        yield
    finally:
        os.environ.update(inherited)
