"""The process that checks trials of a sweep before any is started."""

import logging
from multiprocessing.connection import Connection

from convboard.cli import streams
from convboard.cli.frame import reason_of
from convboard.cli.job import exit_of_users_code
from convboard.config import current_folder
from convboard.config.schema import TrainConfig
from convboard.experiment.check import RunCheck
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.trial_checks import Checked, Remark, trials_to_check


def run_checks(pool: Connection) -> None:
    """Check the trials that come from the pool, and report on each, until it closes the connection.

    What the code of the user prints is dropped: a trial prints it into its log.

    Args:
        pool: Gives lists of trials, and gets a `Checked` for each trial and a `Remark` for each line of the log.
    """
    streams.drop_output()
    logging.getLogger("convboard").addHandler(_Remarks(pool))
    logging.getLogger("convboard").setLevel(logging.INFO)
    check = RunCheck()
    with current_folder.importable():
        for trial in trials_to_check(pool):
            pool.send(_checked(check, trial))


def _checked(check: RunCheck, trial: Trial) -> Checked:
    try:
        check.check(TrainConfig.from_checked(trial.config))
    except (Exception, SystemExit) as raised:
        error = exit_of_users_code(raised) if isinstance(raised, SystemExit) else raised
        end = reason_of(error)
        return Checked(trial.number, f"\n{end.text}" if end.is_traceback else end.text)
    return Checked(trial.number)


class _Remarks(logging.Handler):
    """Sends what is logged to the pool."""

    def __init__(self, pool: Connection) -> None:
        super().__init__()
        self._pool = pool

    def emit(self, record: logging.LogRecord) -> None:
        self._pool.send(Remark(record.getMessage()))
