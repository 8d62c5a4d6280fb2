"""TensorBoard output: the event file, all tags, and one file for each kind of figure.

`Board` is imported when it is first used: TensorBoard imports `plugins`, which need `board.tags` but no torch.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convboard.board.board import Board

__all__ = ["Board"]


def __getattr__(name: str) -> object:
    if name != "Board":
        raise AttributeError(f"module 'convboard.board' has no attribute {name!r}")
    from convboard.board.board import Board

    return Board
