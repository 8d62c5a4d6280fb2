"""Tables of runs as lines of text, fast enough for ten thousand rows."""

from collections.abc import Iterator, Mapping, Sequence

from rich.cells import cell_len

from convboard.config.command_line import printable

Columns = Mapping[str, Sequence[str]]
GAP = 2  # blanks between two columns


def one_line(text: str) -> str:
    """Return a text as it can be shown in a cell: of its control characters, none is left as it is."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def width_of(head: str, cells: Sequence[str]) -> int:
    """Return the columns of the terminal that a column takes, which for some characters are two."""
    return max(_width(head), max(map(_width, cells), default=0))


def text_lines(columns: Columns, right: Sequence[str] = ()) -> Iterator[str]:
    """Yield the lines of a table: its heads, a rule, and its rows.

    Args:
        columns: The cells of each column by its head, equally many, each a single line.
        right: The heads of the columns that are aligned at the right.
    """
    widths = {head: width_of(head, cells) for head, cells in columns.items()}

    def line(cells: Sequence[str]) -> str:
        padded = (
            " " * (width - _width(cell)) + cell if head in right else cell + " " * (width - _width(cell))
            for cell, (head, width) in zip(cells, widths.items())
        )
        return (GAP * " ").join(padded).rstrip()

    yield line(list(columns))
    yield (GAP * " ").join("─" * width for width in widths.values())
    yield from map(line, zip(*columns.values()))


def _width(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)
