"""The frame of one run of `train`, alone or in a sweep: its directory, its signals, and what is said when it fails."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from convboard.cli import streams
from convboard.cli.frame import JobError, RunEnded, reason_of, tell
from convboard.config.command_line import command, script
from convboard.config.compose import hydra_output_dir
from convboard.config.hydra_callbacks import NoteFolders
from convboard.errors import ConfigError, ModelError
from convboard.experiment.resume import resume_overrides
from convboard.experiment.run_files import CONFIG, RESULT
from convboard.training import signals
from convboard.training.distributed.torchrun import communicator
from convboard.training.signals import EXIT_BY_SIGNAL, Interrupted

_WRITTEN_BY_HYDRA = "multirun.yaml"


@contextmanager
def job() -> Iterator[None]:
    """The frame of one run: alone, it fails with the command; in a sweep, it says what failed, and the others go on.

    A run that could not begin leaves no directory behind.
    """
    directory = hydra_output_dir()  # outside of this frame, where the advice may be asked for, Hydra does not know it
    communicator().set_advice(lambda: _how_to_resume(directory) if (directory / CONFIG).exists() else "")
    streams.go_on_without_output()
    try:
        yield
        number = signals.received()
        if number is not None and HydraConfig.get().mode is RunMode.MULTIRUN:
            raise KeyboardInterrupt(number)  # it came too late to stop this run, but stops the sweep
    except (KeyboardInterrupt, Interrupted) as stop:
        raise RunEnded(stop, _signal_message(stop)) from stop
    except (Exception, SystemExit) as raised:
        error = exit_of_users_code(raised) if isinstance(raised, SystemExit) else raised
        if HydraConfig.get().mode is not RunMode.MULTIRUN:
            raise RunEnded(error) from raised
        name = f"{HydraConfig.get().job.num} ({hydra_output_dir().name})"
        end = reason_of(error)
        tell(f"job {name}: {end.text}")
        raise JobError(f"job {name} failed; see the message above.", end.code) from raised
    finally:
        _remove_empty(hydra_output_dir())


@contextmanager
def sweep() -> Iterator[None]:
    """The frame of a sweep. If none of its runs could begin, it leaves no directory behind.

    Raises:
        ConfigError: It has no runs.
    """
    NoteFolders.sweep = None
    try:
        yield
        if _is_unused(NoteFolders.sweep):
            raise ConfigError("-m: the sweep has no runs, because a range(...) or glob(...) in it gives no value.")
    finally:
        folder = NoteFolders.sweep
        if folder is not None and _is_unused(folder):
            (folder / _WRITTEN_BY_HYDRA).unlink()
            _remove_empty(folder)


def _is_unused(folder: Path | None) -> bool:
    """Return whether the folder of a sweep was made for it, and has no run in it."""
    if folder is None or folder in (NoteFolders.existing or ()) or not folder.is_dir():
        return False
    return [path.name for path in folder.iterdir()] == [_WRITTEN_BY_HYDRA]


@contextmanager
def exit_by_signal() -> Iterator[None]:
    """Within, a signal ends the process, and removes the directory of a run that has not begun."""
    with signals.handling(_exit_by_signal) if communicator().world_size == 1 else nullcontext():
        yield


def _exit_by_signal(number: int) -> None:
    text = "interrupted."
    try:
        _remove_empty(hydra_output_dir())
        text = _signal_message(KeyboardInterrupt(number))
    except Exception:
        pass
    finally:
        signals.leave(EXIT_BY_SIGNAL + number, text)


def _signal_message(error: KeyboardInterrupt | Interrupted) -> str:
    """The message for a signal that has ended a run."""
    if not _has_begun():
        return "interrupted before the first step."
    if (hydra_output_dir() / RESULT).exists():
        return "interrupted."
    saved = f"{error}; the run is saved." if isinstance(error, Interrupted) else "interrupted."
    return f"{saved} {_how_to_resume(hydra_output_dir())}"


def exit_of_users_code(end: SystemExit) -> ModelError:
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
    start = command("train", run) if communicator().world_size == 1 else f"torchrun ... {script('train')} {run}"
    return f"Go on with it: {start}"


def _remove_empty(folder: Path) -> None:
    """Remove a folder if it is empty, and then those above it, as far as they were made for this command."""
    here, existing = Path.cwd(), NoteFolders.existing
    with suppress(OSError):  # not empty
        for empty in [folder, *(parent for parent in folder.parents if here in parent.parents)]:
            if existing is None or empty in existing:
                return
            with suppress(FileNotFoundError):
                empty.rmdir()
