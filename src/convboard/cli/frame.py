"""The frame of a command: what Hydra needs to know, names of run directories, and how a command ends.

What a mistake's message says is in `messages` and where the mistake is found; here it is told.
"""

import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf.errors import MissingMandatoryValue

from convboard.config.command_line import assignment, python
from convboard.config.compose import run_dir
from convboard.config.error_messages import explain
from convboard.config.schema import TrainConfig
from convboard.errors import ConfigError, ConvboardError, RankError
from convboard.experiment.run_dir import CONFIG
from convboard.training.distributed.communicator import Communicator
from convboard.training.distributed.torchrun import communicator
from convboard.training.signals import Interrupted, StopRequest, end_at_once, ignore_signals, leave

BUG, USER_ERROR = 1, 2  # exit codes: Python's own, argparse's
LONGEST_NAME = 150  # bytes of a sweep's job directory; file systems allow 255 bytes


def _refuse_dashes() -> None:
    """`--model=lenet`: a key of comm written as most other commands would have it.

    Raises:
        ConfigError: There is one.
    """
    for argument in sys.argv[1:]:
        key = argument.lstrip("-")
        if argument.startswith("-") and key.partition("=")[0].split(".")[0] in TrainConfig.__dataclass_fields__:
            wanted = key if "=" in key else f"{key}=<value>"
            raise ConfigError(f"{argument!r} is not understood: write {wanted}, without dashes.")


def _refuse_sweep() -> None:
    """A sweep by several processes: which of them would begin the next run, if one had failed?

    Raises:
        ConfigError: One was asked for.
    """
    if communicator().world_size > 1 and {"-m", "--multirun"} & set(sys.argv[1:]):
        raise ConfigError(
            "-m: a sweep cannot be run by torchrun, whose processes train one network together. Leave -m away and give "
            "one value for each key; or run the sweep with python."
        )


class _Failed(BaseException):
    """Carries the error of a run past Hydra, which would announce it in its own way if it were an Exception."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class _JobError(ConvboardError):
    """A run of a sweep failed, and has said why; an Exception, so that Hydra goes on with the others."""

    def __init__(self, name: str, code: int) -> None:
        super().__init__(name, code)
        self.code = code

    def __str__(self) -> str:
        return f"job {self.args[0]} failed, for the reason told above."


@contextmanager
def command() -> Iterator[None]:
    """The frame of a whole command: a user's mistake becomes one message on stderr and exit code 2.

    A bug stays a traceback; `HYDRA_FULL_ERROR=1` gives the one of a mistake too. What lies in the user's folder can be
    imported, such as the network of `model._target_=mynet.MyNet`.
    """
    sys.path.append(str(Path.cwd()))  # at the end: a file called random.py there must not become everybody's random
    full = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises what it would otherwise print its own way
    comm = Communicator()
    try:
        with StopRequest() as early:
            comm = communicator()
        if comm.world_size == 1:
            end_at_once(_leave)
        else:
            signal.signal(signal.SIGINT, _terminate)
            signal.signal(signal.SIGTERM, _terminate)
        if early.signal is not None:
            signal.raise_signal(early.signal)
        _refuse_dashes()
        _refuse_sweep()
        with nullcontext() if comm.is_main else redirect_stdout(Path(os.devnull).open("w")):
            yield
        comm.shutdown()
    except (KeyboardInterrupt, Interrupted) as end:
        _end(end, "interrupted.")
    except (Exception, _Failed) as raised:
        error = comm.root_cause(raised.error if isinstance(raised, _Failed) else raised)
        mistake = explain(error, TrainConfig) if isinstance(error, Exception) else None
        if mistake is None and comm.world_size == 1:
            raise error from error.__cause__
        is_told_whole = mistake is None or full == "1"
        text = "".join(traceback.format_exception(error)).rstrip() if is_told_whole else str(mistake)
        code = BUG if mistake is None else mistake.code if isinstance(mistake, _JobError | RankError) else USER_ERROR
        if comm.report_failure(text, code):
            print(text if is_told_whole else f"convboard: {text}", file=sys.stderr)
        sys.exit(code)
    finally:
        if full is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full


@contextmanager
def job() -> Iterator[None]:
    """The frame of one run: alone, it fails with the command; in a sweep, it says what failed, and the others go on.

    A run that could not begin leaves no directory behind.
    """
    communicator().set_advice(lambda: _how_to_go_on() if (run_dir() / CONFIG).exists() else "")
    try:
        yield
    except KeyboardInterrupt as end:
        _remove_empty(run_dir())
        _end(end, _farewell())
    except Interrupted as end:
        ignore_signals()
        if communicator().is_main:
            print(f"convboard: {end}; the run is saved. {_how_to_go_on()}", file=sys.stderr)
        with suppress(RankError):
            communicator().shutdown()
        sys.exit(_exit_code(end))
    except Exception as error:
        if HydraConfig.get().mode is not RunMode.MULTIRUN:
            raise _Failed(error) from error
        name = f"{HydraConfig.get().job.num} ({run_dir().name})"
        mistake = explain(error, TrainConfig)
        reason = mistake or "".join(traceback.format_exception(error))
        print(f"convboard: job {name}: {reason}", file=sys.stderr)
        raise _JobError(name, USER_ERROR if mistake else BUG) from error
    finally:
        _remove_empty(run_dir())


def _how_to_go_on() -> str:
    """What to do when a run was stopped."""
    start = python() if communicator().world_size == 1 else "torchrun ..."
    return f"Go on with it: {start} train.py {assignment('resume', os.path.relpath(run_dir()))}"


def _farewell() -> str:
    """What to say of a run that a signal has ended outside of the training."""
    has_begun = (run_dir() / CONFIG).exists()
    return f"interrupted. {_how_to_go_on()}" if has_begun else "interrupted before the first step."


def _leave(number: int) -> None:
    """SIGINT or SIGTERM where nothing is to be undone."""
    code = 128 + number
    try:
        _remove_empty(run_dir())
    except (ValueError, MissingMandatoryValue):  # Hydra has not got that far, or the command needs none
        leave(code, "interrupted.")
    leave(code, _farewell())


def _terminate(number: int, _frame: FrameType | None) -> None:
    """SIGINT or SIGTERM outside of the training, in one process of several.

    When a process of a team has ended, torchrun sends SIGTERM to the others, which are about to end and say why. It
    passes on a Ctrl-C too, which all have got from the terminal already: there the first signal counts.
    """
    comm = communicator()
    if comm.is_ending:
        return
    ignore_signals()
    raise KeyboardInterrupt(number)


def _end(end: KeyboardInterrupt | Interrupted, text: str) -> NoReturn:
    """End the command because of a signal, or of what happened to the process for which torchrun sent it."""
    comm = communicator()
    if comm.world_size == 1:
        leave(_exit_code(end), text)
    cause = comm.root_cause(end)
    code = cause.code if isinstance(cause, RankError) else _exit_code(end)
    told = str(cause) if isinstance(cause, RankError) else text
    if comm.report_failure(told, code):
        print(f"convboard: {told}", file=sys.stderr)
    sys.exit(code)


def _exit_code(end: KeyboardInterrupt | Interrupted) -> int:
    """What a shell gives for a command that a signal has ended."""
    if isinstance(end, Interrupted):
        return 128 + end.signal
    return 128 + int(end.args[0] if end.args else signal.SIGINT)


def _remove_empty(folder: Path) -> None:
    """Remove a folder if it is empty, and then those above it, as far as the one that the command runs in."""
    here = Path.cwd()
    with suppress(OSError):  # not empty
        for empty in [folder, *(parent for parent in folder.parents if here in parent.parents)]:
            with suppress(FileNotFoundError):
                empty.rmdir()
