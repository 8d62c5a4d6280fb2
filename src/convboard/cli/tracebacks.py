"""The traceback of a bug. Of one in the user's code, only the user's own lines are shown."""

import sys
import sysconfig
import traceback
from pathlib import Path

_LIBRARIES = tuple(f"{sysconfig.get_path(kind)}/" for kind in ("stdlib", "platstdlib", "purelib", "platlib"))
_OURS = f"{Path(__file__).parents[1]}/"


def format_bug(error: BaseException, whole: bool = False) -> str:
    """Return the traceback of an error without its last line end.

    Args:
        error: The error.
        whole: Keep the lines of convboard and of libraries also where the error is the user's.
    """
    told = traceback.TracebackException.from_exception(error)
    if not whole:
        _shorten(told)
    return "".join(told.format()).rstrip()


def _shorten(told: traceback.TracebackException) -> None:
    """Keep the user's lines, if the error came from there: directly, or from a library that they called."""
    for before in filter(None, (told.__cause__, told.__context__)):
        _shorten(before)
    frames = [frame for frame in told.stack if not frame.filename.startswith(("<", *_LIBRARIES))]
    if frames and not _is_ours(frames[-1].filename):
        told.stack = traceback.StackSummary.from_list([frame for frame in frames if not _is_ours(frame.filename)])


def _is_ours(filename: str) -> bool:
    """Return whether a file is a part of convboard, or the script that was started."""
    return filename.startswith(_OURS) or Path(filename).absolute() == Path(sys.argv[0]).absolute()
