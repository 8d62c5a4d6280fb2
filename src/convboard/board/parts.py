"""The parts of a board, each of which can fail alone."""

import logging
from collections.abc import Callable, Iterable

from convboard.board import tags
from convboard.board.event_file import EventFile
from convboard.board.projector import NotApplicable
from convboard.board.summaries import Value, text
from convboard.errors import RunError

_log = logging.getLogger(__name__)


class Parts:
    """Writes parts of a board. In the place of one that cannot be drawn, the Text tab gives the reason.

    Args:
        events: The event file.
        missing: Parts that were found not to apply to this network.

    Attributes:
        missing: These, and those that were found so since then.
    """

    def __init__(self, events: EventFile, missing: Iterable[str] = ()) -> None:
        self.missing = list(missing)
        self._events = events
        self._failed: set[str] = set()  # parts whose failure was logged

    def write(self, part: str, draw: Callable[[], list[Value]], step: int) -> None:
        """Write the values that `draw` returns; if it fails or does not apply, write the reason as a text.

        Raises:
            RunError: The events cannot be written.
        """
        try:
            values = draw()
        except RunError:  # the events cannot be written
            raise
        except NotApplicable as missing:
            values = [] if part in self.missing else [text(tags.problem(part), f"Not shown: {missing}.")]
            self.missing = sorted({*self.missing, part})
        except Exception as error:  # drawing calls the user's network, whose errors must not end the run
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            level = logging.DEBUG if part in self._failed else logging.WARNING
            _log.log(level, "TensorBoard lacks %s at step %d: %s", part, step, reason)
            _log.debug("Where it failed:", exc_info=error)
            self._failed.add(part)
            values = [text(tags.problem(part), f"Not shown at step {step}: {reason}")]
        self._events.write(values, step)
