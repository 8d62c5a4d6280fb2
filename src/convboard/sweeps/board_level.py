"""How much the trials of a sweep write for TensorBoard, which is slow with the pictures of many runs."""

from collections.abc import Mapping, Sequence

from convboard.config.compose import parse_overrides
from convboard.experiment.option_file import options

MOST_WITH_PICTURES = 50  # trials
MINIMAL = "board=minimal"
_PRESET = "experiment"


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
    is_given = is_given or any(_has_board(preset) for preset in _presets(overrides, rows))
    if is_given or number <= MOST_WITH_PICTURES:
        return list(overrides), False
    return [*overrides, MINIMAL], True


def _presets(overrides: Sequence[str], rows: Sequence[Mapping[str, str]]) -> set[str]:
    """Return the presets that some trials have."""
    given = [override.partition("=")[2] for override in overrides if override.lstrip("+").startswith(f"{_PRESET}=")]
    given += [row[_PRESET] for row in rows if _PRESET in row]
    return {name.strip() for text in given for name in text.split(",")}


def _has_board(preset: str) -> bool:
    """Return whether a preset chooses what is written for TensorBoard."""
    for _, content, _ in options(_PRESET, preset).values():
        defaults = content.get("defaults") or []
        return "board" in content or any("board" in str(entry) for entry in defaults)
    return False
