"""How much the trials of a sweep write for TensorBoard, which is slow with the pictures of many runs."""

from collections.abc import Mapping, Sequence

from convboard.config.compose import parse_overrides

MOST_WITH_PICTURES = 50  # trials
MINIMAL = "board=minimal"


def with_board(overrides: Sequence[str], number: int, rows: Sequence[Mapping[str, str]] = ()) -> tuple[list[str], bool]:
    """Choose `board=minimal` for a sweep of many trials, unless the user has chosen a board.

    Args:
        overrides: The overrides that describe the trials.
        number: Number of trials.
        rows: Values that belong together, see `grid`.

    Returns:
        The overrides, and whether they were extended.
    """
    keys = {str(override.get_key_element()) for override in parse_overrides(overrides)}
    keys.update(key for row in rows for key in row)
    is_given = any(key.lstrip("+~").partition(".")[0] == "board" for key in keys)
    if is_given or number <= MOST_WITH_PICTURES:
        return list(overrides), False
    return [*overrides, MINIMAL], True
