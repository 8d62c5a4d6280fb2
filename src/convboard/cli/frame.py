"""The frame of every command, and the one place that says how a command ends.

==================================  =========  ======================================================
How it ends                         exit code  what it prints on stderr
==================================  =========  ======================================================
finished                            0          nothing
a bug                               1          the traceback
a user's mistake                    2          one sentence (HYDRA_FULL_ERROR=1: the traceback)
runs of a sweep failed              1 or 2     the reason when a run fails; at the end, the first one that failed
the user's code called sys.exit     2          one sentence
another process of the run failed   its own    the reason, by the process with the lowest rank that is alive
SIGINT, SIGTERM                     128 + n    one sentence: whether the run is saved, how to resume it
==================================  =========  ======================================================

What a mistake's sentence says is in `config.error_messages` and where the mistake is found.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from convboard.config.command_line import command
from convboard.config.compose import hydra_output_dir
from convboard.config.error_messages import explain
from convboard.config.schema import TrainConfig
from convboard.errors import ConvboardError, ModelError, RankError
from convboard.experiment.resume import resume_overrides
from convboard.experiment.run_dir import CONFIG, RESULT
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


class _JobError(ConvboardError):
    """A run of a sweep failed and has printed its error. An Exception, so that Hydra continues with the others."""

    def __init__(self, name: str, code: int) -> None:
        super().__init__(f"job {name} failed; see the message above.")
        self.code = code


class _RunEnded(BaseException):
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
    code = run_command(main)
    if code > EXIT_BY_SIGNAL and communicator().world_size == 1:
        sys.stdout.flush()
        os._exit(code)  # the signal may have come in the middle of an import, after which exit hooks complain
    sys.exit(code)


def run_command(main: Callable[[], object]) -> int:
    """Run a command, print how it ended, and return the exit code.

    Modules in the current folder can be imported, such as that of `model._target_=mynet.MyNet`.

    Args:
        main: The command. It reads `sys.argv`.
    """
    sys.path.append(str(Path.cwd()))  # at the end: a file called random.py there must not become everybody's random
    tracebacks = os.environ.get(FULL_ERROR) == "1"
    with signals.StopRequest() as early:  # no exception while the processes find each other
        comm = communicator()
    on_signal = _exit_by_signal if comm.world_size == 1 else _raise_unless_ending
    with signals.handling(on_signal), _hydra_raises():
        try:
            if early.signal is not None:
                on_signal(early.signal)
            with nullcontext() if comm.is_main else redirect_stdout(Path(os.devnull).open("w")):
                main()
            comm.shutdown()
        except (Exception, KeyboardInterrupt, Interrupted, _RunEnded) as raised:
            inner, text = (raised.error, raised.text) if isinstance(raised, _RunEnded) else (raised, "interrupted.")
            error = comm.root_cause(inner)
            end = _end_of(error, text, tracebacks)
            if _report(comm, error, end):
                print(end.text if end.is_traceback else f"convboard: {end.text}", file=sys.stderr)
            return end.code
    return FINISHED


@contextmanager
def job() -> Iterator[None]:
    """The frame of one run: alone, it fails with the command; in a sweep, it says what failed, and the others go on.

    A run that could not begin leaves no directory behind.
    """
    directory = (
        hydra_output_dir()
    )  # outside of this frame, where the advice may be asked for, Hydra does not know it any more
    communicator().set_advice(lambda: _how_to_resume(directory) if (directory / CONFIG).exists() else "")
    try:
        yield
        number = signals.received()
        if number is not None and HydraConfig.get().mode is RunMode.MULTIRUN:
            raise KeyboardInterrupt(number)  # it came too late to stop this run, but stops the sweep
    except (KeyboardInterrupt, Interrupted) as stop:
        raise _RunEnded(stop, _signal_message(stop)) from stop
    except (Exception, SystemExit) as raised:
        error = _exit_of_users_code(raised) if isinstance(raised, SystemExit) else raised
        if HydraConfig.get().mode is not RunMode.MULTIRUN:
            raise _RunEnded(error) from raised
        name = f"{HydraConfig.get().job.num} ({hydra_output_dir().name})"
        mistake = explain(error, TrainConfig)
        reason = mistake or "".join(traceback.format_exception(error))
        print(f"convboard: job {name}: {reason}", file=sys.stderr)
        raise _JobError(name, MISTAKE if mistake else BUG) from raised
    finally:
        _remove_empty(hydra_output_dir())


def _exit_by_signal(number: int) -> None:
    """A signal where nothing is to be undone."""
    text = "interrupted."
    try:
        _remove_empty(hydra_output_dir())
        text = _signal_message(KeyboardInterrupt(number))
    except Exception:
        pass
    finally:
        signals.leave(EXIT_BY_SIGNAL + number, text)


def _raise_unless_ending(number: int) -> None:
    """A signal outside of the training, in one process of several.

    torchrun sends SIGTERM to the other processes when one has ended; they are about to end and to report why.
    """
    if not communicator().is_ending:
        raise KeyboardInterrupt(number)


def _end_of(error: BaseException, text: str, tracebacks: bool) -> End:
    """How a command ends that raised `error`.

    Args:
        error: What it raised.
        text: What to say of a signal.
        tracebacks: Print the traceback of a user's mistake too.
    """
    if isinstance(error, KeyboardInterrupt | Interrupted):
        number = error.signal if isinstance(error, Interrupted) else error.args[0] if error.args else signal.SIGINT
        return End(EXIT_BY_SIGNAL + number, text)
    assert isinstance(error, Exception)
    mistake = explain(error, TrainConfig)
    code = BUG if mistake is None else mistake.code if isinstance(mistake, _JobError | RankError) else MISTAKE
    if mistake is None or tracebacks:
        return End(code, "".join(traceback.format_exception(error)).rstrip(), is_traceback=True)
    return End(code, str(mistake))


def _signal_message(error: KeyboardInterrupt | Interrupted) -> str:
    """The message for a signal that has ended a run."""
    if not _has_begun():
        return "interrupted before the first step."
    if (hydra_output_dir() / RESULT).exists():
        return "interrupted."
    saved = f"{error}; the run is saved." if isinstance(error, Interrupted) else "interrupted."
    return f"{saved} {_how_to_resume(hydra_output_dir())}"


def _report(comm: Communicator, error: BaseException, end: End) -> bool:
    """Report to the other processes that this one ends. Returns whether this one has to print the reason."""
    if not isinstance(error, Interrupted):
        return comm.report_failure(end.text, end.code)
    with suppress(RankError):  # all were interrupted, at the same step
        comm.shutdown()
    return comm.is_main


def _exit_of_users_code(end: SystemExit) -> ModelError:
    """The error for `sys.exit()` in the network, the optimizer or the schedule: a run never ends like that."""
    frame = traceback.extract_tb(end.__traceback__)[-1]
    return ModelError(
        f"The run was ended by sys.exit({'' if end.code is None else repr(end.code)}) in {frame.filename}, line "
        f"{frame.lineno}. Raise an exception there instead, which says what is wrong."
    )


def _has_begun() -> bool:
    """Whether the run has written its config: from then on it can be resumed."""
    return (hydra_output_dir() / CONFIG).exists()


def _how_to_resume(directory: Path) -> str:
    run = " ".join(resume_overrides(directory))
    start = command("train", run) if communicator().world_size == 1 else f"torchrun ... train.py {run}"
    return f"Go on with it: {start}"


def _remove_empty(folder: Path) -> None:
    """Remove a folder if it is empty, and then those above it, as far as the one that the command runs in."""
    here = Path.cwd()
    with suppress(OSError):  # not empty
        for empty in [folder, *(parent for parent in folder.parents if here in parent.parents)]:
            with suppress(FileNotFoundError):
                empty.rmdir()


@contextmanager
def _hydra_raises() -> Iterator[None]:
    """Within, Hydra raises what it would otherwise print in its own way."""
    before = os.environ.get(FULL_ERROR)
    os.environ[FULL_ERROR] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[FULL_ERROR]
        else:
            os.environ[FULL_ERROR] = before
