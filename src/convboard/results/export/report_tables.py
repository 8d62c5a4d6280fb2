"""Tables for people: Markdown and LaTeX."""

import re
from collections.abc import Mapping, Sequence

from rich.cells import cell_len

Columns = Mapping[str, Sequence[str]]

_NUMBER = re.compile(r"[-±]? ?\d[\d.,e+-]*%?( ± [\d.,e+-]+%?)?")
_PERCENT = re.compile(r"(?<=\d)%")
_MARKDOWN = re.compile(r"[\\`*\[\]<>|&~$]|(?<![^\W_])_|_(?![^\W_])")  # not the underscore within a word
_LATEX = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "±": r"$\pm$",
    "…": r"\dots{}",
    "[": "{[}",  # which would be an argument of the end of the line before, as the next
    "*": "{*}",
}
_LATEX_CHARACTER = re.compile("|".join(map(re.escape, _LATEX)))


def as_markdown(columns: Columns) -> str:
    """Return a table in GitHub's Markdown, with numbers aligned at the right.

    Args:
        columns: The cells of each column by its head, equally many, each a single line.
    """
    columns = {_markdown(head): [*map(_markdown, cells)] for head, cells in _units_in_heads(columns).items()}
    widths = [max(3, *map(cell_len, (head, *cells))) for head, cells in columns.items()]
    right = [_are_numbers(cells) for cells in columns.values()]
    rows = [list(columns), *zip(*columns.values(), strict=True)]
    lines = [f"| {' | '.join(map(_padded, row, widths, right))} |" for row in rows]
    rule = [f"{'-' * (width - 1)}{':' if is_right else '-'}" for width, is_right in zip(widths, right, strict=True)]
    return "\n".join([lines[0], f"| {' | '.join(rule)} |", *lines[1:]]) + "\n"


def as_latex(columns: Columns) -> str:
    """Return a table in LaTeX, with the rules of the package booktabs.

    Args:
        columns: See `as_markdown`.
    """
    columns = _units_in_heads(columns)
    alignment = "".join("r" if _are_numbers(cells) else "l" for cells in columns.values())
    head, *rows = (" & ".join(map(_latex, row)) + r" \\" for row in (list(columns), *zip(*columns.values())))
    return "\n".join(
        [
            r"% needs \usepackage{booktabs} and \usepackage[T1]{fontenc}",
            f"\\begin{{tabular}}{{{alignment}}}",
            *(r"\toprule", head, r"\midrule", *rows, r"\bottomrule"),
            "\\end{tabular}\n",
        ]
    )


def _units_in_heads(columns: Columns) -> dict[str, list[str]]:
    """Write the percent sign of a column of accuracies once, in its head."""
    found = {}
    for head, cells in columns.items():
        are_shares = _are_numbers(cells) and all("%" in cell for cell in cells if cell)
        found[f"{head} (%)" if are_shares else head] = [
            _PERCENT.sub("", cell) if are_shares else cell for cell in cells
        ]
    return found


def _are_numbers(cells: Sequence[str]) -> bool:
    return any(cells) and all(not cell or _NUMBER.fullmatch(cell) for cell in cells)


def _padded(cell: str, width: int, is_right: bool) -> str:
    space = " " * (width - cell_len(cell))
    return space + cell if is_right else cell + space


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\g<0>", text)


def _latex(text: str) -> str:
    return _LATEX_CHARACTER.sub(lambda found: _LATEX[found[0]], text)
