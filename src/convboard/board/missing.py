"""What a board may lack without anything being wrong."""


class NothingToShow(Exception):  # noqa: N818  # nothing went wrong
    """This network has nothing that the part could show; the message says why."""
