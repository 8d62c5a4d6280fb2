"""The process of a trial of a sweep, as a command: how it ends, and what it says then.

The server from which the processes of trials are forked imports this module, and with it all that a trial needs.
"""

import sys
from multiprocessing.connection import Connection
from pathlib import Path

import convboard.board.preload  # noqa: F401
from convboard.board.failed_run import record_failure
from convboard.board.hparams import SweepRow
from convboard.cli import streams
from convboard.cli.frame import MISTAKE, reason_of, tell
from convboard.cli.job import exit_of_users_code
from convboard.config import current_folder
from convboard.config.schema import TrainConfig
from convboard.errors import RunError
from convboard.experiment.run import run
from convboard.experiment.run_summary import record_end
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.provenance import imported_code
from convboard.sweeps.store.source_files import foreign_modules
from convboard.sweeps.store.trials import SEED, Trial
from convboard.sweeps.trust import refuse_untrusted
from convboard.sweeps.workers.chosen_plan import chosen_plan
from convboard.sweeps.workers.reports import End, reason_in_short
from convboard.sweeps.workers.trial_process import (
    ReportActivity,
    ReportProgress,
    open_log,
    pruning_of,
    trial_config,
    wait_until_free,
)
from convboard.training.distributed.torchrun import communicator
from convboard.training.signals import EXIT_BY_SIGNAL, Interrupted, exit_at_once


def run_trial(folder: Path, trial: Trial, reports: Connection) -> None:
    """Run a trial in this process, report how it ended, and end the process.

    Args:
        folder: The folder of its sweep.
        trial: The trial.
        reports: Gets a `Progress` after each epoch, and an `End`.
    """
    run_dir = folder / trial.folder
    try:
        open_log(run_dir)
        wait_until_free(run_dir)
    except OSError as error:
        reports.send(End(State.FAILED, f"{error.filename} cannot be written: {error.strerror}"))
        sys.exit(MISTAKE)
    streams.prepare()
    exit_at_once()
    communicator().report_activities(ReportActivity(reports))
    end, code = _run(folder, trial, reports)
    if end.state is State.FAILED:
        _record_failure(trial, run_dir, end.reason)
    sys.stdout.flush()
    reports.send(end)
    sys.exit(code)


def record_death(folder: Path, trial: Trial, reason: str) -> None:
    """Note in the log and in the TensorBoard data of a trial that its process has ended without a word.

    Args:
        folder: The folder of its sweep.
        trial: The trial.
        reason: Why, as far as it is known.
    """
    run_dir = folder / trial.folder
    open_log(run_dir)
    streams.prepare()
    tell(reason)
    _record_failure(trial, run_dir, reason)


def report_plan(trial: Trial, reports: Connection) -> None:
    """Report the plan that a trial would choose; nothing if it cannot be run.

    Args:
        trial: The trial.
        reports: Gets the plan as a dictionary.
    """
    streams.drop_output()
    with current_folder.importable():
        reports.send(chosen_plan(TrainConfig.from_dict(trial.config)).to_dict())


def _record_failure(trial: Trial, run_dir: Path, reason: str) -> None:
    """Let the summary of a trial say that it has failed, and its row in the HParams tab, also if it could not begin."""
    try:
        record_end(run_dir, State.FAILED, reason)
        record_failure(run_dir, trial.config, reason, _row(trial, run_dir))
    except (OSError, RunError) as error:  # what matters is in the journal
        tell(f"TensorBoard does not show that it has failed: {error}")


def _row(trial: Trial, run_dir: Path) -> SweepRow:
    """Return what sets the row of a trial apart in the HParams tab, where the seeds of a setting are one row."""
    values = " ".join(f"{key}={value}" for key, value in trial.swept.items() if key != SEED)
    return SweepRow(f"{run_dir.parent.name} {values}".rstrip(), trial.swept)


def _run(folder: Path, trial: Trial, reports: Connection) -> tuple[End, int]:
    """Run a trial. Returns how it ended, and the exit code."""
    run_dir = folder / trial.folder
    try:
        refuse_untrusted(folder, [trial])  # somebody may have added it after the sweep was opened
        frozen = imported_code(folder, trial)
        sys.dont_write_bytecode = frozen is not None  # the copy stays as it is
        with (
            current_folder.importable_from(str(frozen) if frozen else None, foreign_modules([trial])),
            current_folder.importable(),
        ):
            config = trial_config(trial, run_dir)
            pruning = pruning_of(folder, trial)
            report = ReportProgress(reports, config.objective)
            result = run(
                config, run_dir, callbacks=[report, pruning] if pruning else [report], row=_row(trial, run_dir)
            )
        if pruning is not None and pruning.reason:
            tell(f"pruned: {pruning.reason}")
            return End(State.PRUNED, pruning.reason, result.objective, result.seconds, result.epochs), 0
        return End(State.FINISHED, value=result.objective, seconds=result.seconds), 0
    except (KeyboardInterrupt, Interrupted) as stop:
        number = int(stop.signal if isinstance(stop, Interrupted) else stop.args[0])
        tell(f"{stop}; the run is saved." if isinstance(stop, Interrupted) else "interrupted.")
        return End(State.INTERRUPTED, str(stop)), EXIT_BY_SIGNAL + number
    except (Exception, SystemExit) as raised:
        error = exit_of_users_code(raised) if isinstance(raised, SystemExit) else raised
        end = reason_of(error)
        tell(end.text, is_traceback=end.is_traceback)
        return End(State.FAILED, reason_in_short(end.text)), end.code
