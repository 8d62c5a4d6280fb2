"""The lock of a run directory: one process trains there, and no run overwrites another."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from convboard.config.command_line import assignment
from convboard.errors import RunError
from convboard.experiment.resume import resume_overrides
from convboard.experiment.run_dir import stored_checkpoints
from convboard.experiment.run_files import CONFIG, DATASET, LOCK, PLAN, RESULT
from convboard.experiment.run_summary import CURVES, SUMMARY
from convboard.experiment.stored_json import is_dataset_file, is_plan_file
from convboard.files import make_folder
from convboard.files.locks import locked


@contextmanager
def locked_run_dir(run_dir: Path, resumed: bool) -> Iterator[None]:
    """Lock a run directory for this process alone. What had to be created is removed at the end if it is empty.

    Args:
        run_dir: The run directory. It is created if missing.
        resumed: Whether it contains the run to resume; otherwise it must contain none.

    Raises:
        RunError: It is in use, cannot be written, or holds files that a new run would overwrite.
    """

    def busy(pid: int | None) -> RunError:
        who = f"process {pid}" if pid else "a process of another machine"
        return RunError(
            f"{run_dir} is in use: {who} is training there. Wait for it, or choose another directory with "
            "hydra.run.dir=<folder>."
        )

    made: list[Path] = []
    try:
        made = make_folder(run_dir)
        with locked(run_dir / LOCK, wait=False, busy=busy):
            if (run_dir / CONFIG).exists() and not resumed:
                raise RunError(
                    f"{run_dir} already contains a run, and runs are never overwritten. Resume it with "
                    f"{' '.join(resume_overrides(run_dir))}, or choose another directory with hydra.run.dir=<folder>."
                )
            if not resumed:
                _refuse_foreign_files(run_dir)
            yield
    except OSError as error:
        if error.filename is None or not Path(error.filename).is_relative_to(run_dir):
            raise
        advice = "Choose another directory with hydra.run.dir=<folder>."
        if resumed and error.errno == errno.EACCES:
            advice = "See that it and all in it may be read and written, and resume the run again."
        if error.errno == errno.ENOSPC:
            advice = f"Free some space, and start again or resume the run: {assignment('resume', run_dir)}."
        raise RunError(f"{run_dir} cannot be written: {error.strerror} ({error.filename}). {advice}") from error
    finally:
        with suppress(OSError):  # not empty
            for folder in made:
                folder.rmdir()


def _refuse_foreign_files(run_dir: Path) -> None:
    """Refuse a directory with files that a new run would overwrite, but for those of a run that could not begin."""
    foreign = [*(run_dir / name for name in (RESULT, SUMMARY, CURVES)), *stored_checkpoints(run_dir)]
    for path, is_of_a_run in ((run_dir / DATASET, is_dataset_file), (run_dir / PLAN, is_plan_file)):
        if path.exists() and not is_of_a_run(path):
            foreign.append(path)
    for path in filter(Path.exists, foreign):
        raise RunError(
            f"{run_dir} holds {path.relative_to(run_dir)}, which a run would overwrite. Choose another directory with "
            "hydra.run.dir=<folder>."
        )
