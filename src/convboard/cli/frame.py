"""The frame of every command, and the one place that says how a command ends.

==================================  =========  ======================================================
How it ends                         exit code  what it prints on stderr
==================================  =========  ======================================================
finished                            0          nothing
a bug                               1          the traceback; of a bug in the user's code, its own lines
a user's mistake                    2          one sentence (HYDRA_FULL_ERROR=1: the traceback)
runs of a sweep failed              1 or 2     the reason when a run fails; at the end, the first one that failed
the user's code called sys.exit     2          one sentence
another process of the run failed   its own    the reason, by the process with the lowest rank that is alive
SIGINT, SIGTERM, SIGHUP, SIGUSR1/2  128 + n    one sentence: whether the run is saved, how to resume it
stdout cannot be written            2          one sentence; for a pipe (`| head`) 141 and nothing
==================================  =========  ======================================================

What is special to a run, in a sweep or alone, is in `cli.job`. What the sentence of a mistake says is in
`config.error_messages` and where the mistake is found.
"""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout, suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

from convboard.cli import streams
from convboard.cli.tracebacks import format_bug
from convboard.config import current_folder
from convboard.config.command_line import printable
from convboard.config.environment_variables import environment_variable
from convboard.errors import ConvboardError, RankError
from convboard.training import signals
from convboard.training.distributed.communicator import Communicator
from convboard.training.distributed.torchrun import communicator
from convboard.training.signals import EXIT_BY_SIGNAL, Interrupted

FINISHED, BUG, MISTAKE = 0, 1, 2
FULL_ERROR = "HYDRA_FULL_ERROR"  # set by the user: tracebacks of mistakes too


class End(NamedTuple):
    """How a command ends.

    Attributes:
        code: The exit code.
        text: What to print on stderr.
        is_traceback: Whether the text is a traceback.
    """

    code: int
    text: str
    is_traceback: bool = False


class JobError(ConvboardError):
    """Runs of a sweep failed, and their errors were printed. An Exception, so that Hydra continues with the others.

    Attributes:
        code: The exit code.
    """

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


class RunEnded(BaseException):
    """Carries the error of a run past Hydra, which would announce it in its own way if it were an Exception.

    Attributes:
        error: What the run raised.
        text: What to say of a signal. Outside of the run its directory is not known any more.
    """

    def __init__(self, error: BaseException, text: str = "") -> None:
        super().__init__(error)
        self.error = error
        self.text = text


def run(main: Callable[[], object]) -> NoReturn:
    """Run a command and end the process as the table above says."""
    streams.prepare()
    code = run_command(main)
    if code > EXIT_BY_SIGNAL and communicator().world_size == 1:
        sys.stdout.flush()
        os._exit(code)  # the signal may have come in the middle of an import, after which exit hooks complain
    sys.exit(code)


def run_command(main: Callable[[], object]) -> int:
    """Run a command, print how it ended, and return the exit code.

    Of the current folder, only the modules that a `_target_` names can be imported, such as `mynet` of
    `model._target_=mynet.MyNet`.

    Args:
        main: The command. It reads `sys.argv`.
    """
    tracebacks = os.environ.get(FULL_ERROR) == "1"
    with signals.StopRequest() as early:  # no exception while the processes find each other
        comm = communicator()
    on_signal = _exit_by_signal if comm.world_size == 1 else _raise_unless_ending
    hydra_raises = environment_variable(FULL_ERROR, "1")  # what it would otherwise print in its own way
    with signals.handling(on_signal), current_folder.importable(), hydra_raises:
        try:
            if early.signal is not None:
                on_signal(early.signal)
            with nullcontext() if comm.is_main else redirect_stdout(Path(os.devnull).open("w")):
                main()
            comm.shutdown()
        except (Exception, KeyboardInterrupt, Interrupted, RunEnded) as raised:
            inner, text = (raised.error, raised.text) if isinstance(raised, RunEnded) else (raised, "interrupted.")
            error = comm.root_cause(inner)
            end = _end_of(error, text, tracebacks)
            if _report(comm, error, end):
                tell(end.text, is_traceback=end.is_traceback)
            return end.code
    return _end_of_output()


def tell(text: str, is_traceback: bool = False) -> None:
    """Print on stderr what the user has to know."""
    print(printable(text if is_traceback else f"convboard: {text}"), file=sys.stderr)


def reason_of(error: Exception, tracebacks: bool = False) -> End:
    """Return the exit code of an error, and its message or traceback.

    Args:
        error: What a command or a run raised.
        tracebacks: Print the traceback of a user's mistake too.
    """
    from convboard.config.error_messages import explain  # deferred for start-up time: these import Hydra
    from convboard.config.schema import TrainConfig

    mistake = explain(error, TrainConfig)
    code = BUG if mistake is None else mistake.code if isinstance(mistake, JobError | RankError) else MISTAKE
    if mistake is None or tracebacks:
        return End(code, format_bug(error, whole=tracebacks), is_traceback=True)
    return End(code, str(mistake))


def _exit_by_signal(number: int) -> NoReturn:
    """A signal where nothing is to be undone."""
    signals.leave(EXIT_BY_SIGNAL + number, "interrupted.")


def _raise_unless_ending(number: int) -> None:
    """A signal outside of the training, in one process of several.

    torchrun sends SIGTERM to the other processes when one has ended; they are about to end and to report why.
    """
    if not communicator().is_ending:
        raise KeyboardInterrupt(number)


def _end_of(error: BaseException, text: str, tracebacks: bool) -> End:
    """How a command ends that raised `error`; see `reason_of`. `text` is what to say of a signal."""
    if isinstance(error, KeyboardInterrupt | Interrupted):
        number = error.signal if isinstance(error, Interrupted) else error.args[0] if error.args else signal.SIGINT
        return End(EXIT_BY_SIGNAL + number, text)
    assert isinstance(error, Exception)
    return reason_of(error, tracebacks)


def _end_of_output() -> int:
    """The exit code of a command that has finished: whether it could print what it had to."""
    error = streams.lost()
    if error is None:
        return FINISHED
    if isinstance(error, BrokenPipeError):
        return EXIT_BY_SIGNAL + signal.SIGPIPE  # as a program that the signal ends: without a word
    tell(f"the output cannot be written: {error.strerror}.")
    return MISTAKE


def _report(comm: Communicator, error: BaseException, end: End) -> bool:
    """Report to the other processes that this one ends. Returns whether this one has to print the reason."""
    if not isinstance(error, Interrupted):
        return comm.report_failure(end.text, end.code)
    with suppress(RankError):  # all were interrupted, at the same step
        comm.shutdown()
    return comm.is_main
