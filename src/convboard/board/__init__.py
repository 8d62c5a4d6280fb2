"""The only room that knows TensorBoard: the event file, every tag, and one file for each kind of picture.

`Board` loads when it is first used: TensorBoard imports `plugin`, and needs no torch for it.
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
