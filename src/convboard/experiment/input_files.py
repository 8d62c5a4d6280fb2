"""The files of a run that say what it is: config, data and plan."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from convboard.files import atomic_write_text, atomic_write_texts
from convboard.training.callbacks import Callback, FitEnd, FitStart

_log = logging.getLogger(__name__)


class InputFiles(Callback):
    """A callback that writes files at the start of a run, and again where somebody has deleted one in mid-run.

    Args:
        run_dir: The run directory.
        texts: The content of each file by its name, in the order in which they are written.
        outdated: Name of the file of results. It is removed when the training begins, after all other callbacks have
            begun: a run that cannot be resumed keeps its result.
    """

    def __init__(self, run_dir: Path, texts: Mapping[str, str], outdated: str) -> None:
        self._outdated = run_dir / outdated
        self._texts = {run_dir / name: text for name, text in texts.items()}

    def write(self) -> None:
        """Write all files."""
        atomic_write_texts(self._texts)

    def on_fit_start(self, start: FitStart) -> None:
        """Remove the result of a run that is resumed; the files are written before."""
        self._outdated.unlink(missing_ok=True)

    def on_fit_end(self, end: FitEnd) -> None:
        """Write again what is missing."""
        self._restore()

    def state_dict(self) -> dict[str, Any]:
        """Write again what is missing, because the checkpoint that is about to be written needs it."""
        self._restore()
        return {}

    def _restore(self) -> None:
        for path, text in self._texts.items():
            if path.parent.is_dir() and not path.exists():
                _log.warning("%s was deleted while the run was training. It is written again.", path)
                atomic_write_text(path, text)
