"""The status of a run in the HParams tab that has failed without being able to write it: it was killed, say."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from convboard.board import hparams, tags
from convboard.board.ended_run import open_events
from convboard.board.hparams import SweepRow
from convboard.board.summaries import text


def record_failure(run_dir: Path, config: Mapping[str, Any], reason: str, row: SweepRow = hparams.ALONE) -> None:
    """Give a run the status of a failure, unless it has one.

    No process may write its event file. If the run is resumed, it drops what is written here with all else that its
    last checkpoint does not cover.

    Args:
        run_dir: Its folder.
        config: Its config, which is written if the run has not begun.
        reason: Why it has failed, for the Text tab.
        row: What is known of its sweep.

    Raises:
        RunError: The folder cannot be written.
        OSError: An event file cannot be read.
    """
    events, present, step = open_events(run_dir)
    if hparams.END_TAG not in present:
        values = [text(tags.problem("training"), reason), hparams.session_end(finished=False)]
        if hparams.START_TAG not in present:
            values[:0] = [hparams.experiment(config, row), hparams.session_start(config, row)]
        events.write(values, step)
    events.close()
