"""The only room that knows TensorBoard: the event file, every tag, and one file for each kind of picture."""

from convboard.board.board import Board

__all__ = ["Board"]
