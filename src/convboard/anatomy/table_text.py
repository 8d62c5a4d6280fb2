"""The layer table of a network as text that fits a terminal."""

from collections.abc import Iterator
from textwrap import TextWrapper

from convboard.anatomy.module_paths import ancestors

Columns = dict[str, list[str]]
"""The cells of each column by its head; those of the column `layer` are the names of the rows."""
FORMULAS = "size of the output"  # the column of the formulas
WHOLE = "all of it"  # the receptive field that is the image
RIGHT_ALIGNED = frozenset(["parameters", "params", "frozen", "MACs"])
_SHORT_HEADS = {"keeps size": "keeps\nsize", "padding": "pad", "dilation": "dil.", "parameters": "params"}
_LEAST = 8  # characters of a name or type that is cut


def text_table(columns: Columns, width: int | None = None) -> str:
    """Return the table of a network as text.

    Args:
        columns: The cells.
        width: Columns that there are; None for no limit. If the text is wider, it is made narrower step by step: the
            formulas are below the table, heads are shortened, multiplications rounded, names are those of a tree,
            window, stride and padding share a column, the inputs are below the table too, parameters are rounded.
            Names and types are cut, with an ellipsis, only if all that is too wide.
    """
    text = _text(columns)
    if width is None or _width(text) <= width:
        return text
    formulas = _below("How the sizes come about:", dict(zip(columns["layer"], columns[FORMULAS])), width)
    without = {name: cells for name, cells in columns.items() if name != FORMULAS}
    for narrower in _narrower(without, width):
        text = narrower
        if _width(text) <= width:
            break
    return "\n\n".join(filter(None, [text, formulas]))


def _narrower(columns: Columns, width: int) -> Iterator[str]:
    """The table as text, narrower each time."""
    yield _text(columns)
    short = {_SHORT_HEADS.get(name, name): cells for name, cells in columns.items()}
    short["sees"] = ["all" if cell == WHOLE else cell for cell in short["sees"]]
    yield _text(short)
    short["MACs"] = _rounded(short["MACs"])
    yield _text(short)
    yield _text(_as_tree(short))
    compact = _with_windows(short)
    yield _text(_as_tree(compact))
    inputs = dict(zip(columns["layer"], compact.pop("from", ())))
    below = _below("Inputs of the rows whose input is not the row before:", inputs, width)
    yield _joined(_text(_as_tree(compact)), below)
    compact["params"] = _rounded(compact["params"])
    yield _joined(_text(_as_tree(compact), gap=1), below)
    yield _joined(_text(_cut(_as_tree(compact), width), gap=1), below)


def _rounded(counts: list[str]) -> list[str]:
    return [rounded(int(count.replace(",", ""))) if count else "" for count in counts]


def _as_tree(columns: Columns) -> Columns:
    """Add a line for each block, and indent the last part of a name below it; inputs of a block go without its name."""
    tree: Columns = {name: [] for name in columns}
    before: list[str] = []

    def add(level: int, label: str, cells: dict[str, str]) -> None:
        for name, column in tree.items():
            column.append(cells.get(name, ""))
        tree["layer"][-1] = "  " * level + label

    for number, name in enumerate(columns["layer"]):
        around = ancestors(name)
        for level, path in enumerate(around):
            if path not in before:
                add(level, path.rpartition(".")[2], {})
        inside = f"{around[-1]}." if around else ""
        cells = {head: column[number] for head, column in columns.items()}
        if "from" in cells:
            cells["from"] = " + ".join(one.removeprefix(inside) for one in cells["from"].split(" + "))
        add(len(around), name[len(inside) :], cells)
        before = around
    return tree


def _with_windows(columns: Columns) -> Columns:
    """Put kernel, stride and padding into one column: `3x3 s2 p1`."""
    parts = [columns[name] for name in ("kernel", "stride", "pad")]
    windows = [
        f"{kernel} s{stride} {'p' if pad[:1].isdigit() else ''}{pad}" if kernel else ""
        for kernel, stride, pad in zip(*parts)
    ]
    others = {name: cells for name, cells in columns.items() if name not in ("stride", "pad")}
    return {name: windows if name == "kernel" else cells for name, cells in others.items()}


def _cut(columns: Columns, width: int) -> Columns:
    """Cut types, and if that is not enough names, so that a table with a gap of 1 has a width if possible."""
    for name in ("type", "layer"):
        longest = max(map(len, columns[name]))
        too_wide = _width(_text(columns, gap=1)) - width
        most = max(_LEAST, longest - max(0, too_wide))
        columns[name] = [cell if len(cell) <= most else f"{cell[: most - 1]}…" for cell in columns[name]]
    return columns


def _below(title: str, texts: dict[str, str], width: int) -> str:
    """A list of what has no column, by the names of the rows; empty if there is none."""
    shown = {name: text for name, text in texts.items() if text}
    longest = max(map(len, shown), default=0)
    wrap = TextWrapper(
        width, initial_indent="  ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    lines = [f"{name:<{longest}}  {text}" for name, text in shown.items()]
    fitting = [
        line if len(line) <= width else f"{name}\n{wrap.fill(text)}" for line, (name, text) in zip(lines, shown.items())
    ]
    return "\n".join([title, *fitting]) if shown else ""


def _joined(*parts: str) -> str:
    return "\n\n".join(filter(None, parts))


def _width(text: str) -> int:
    return max(map(len, text.partition("\n\n")[0].splitlines()))


def _text(columns: Columns, gap: int = 2) -> str:
    heads = [name.split("\n") for name in columns]
    height = max(map(len, heads))
    lines = list(zip(*([""] * (height - len(head)) + head for head in heads)))
    widths = [max(map(len, (*head, *cells))) for head, cells in zip(heads, columns.values())]
    lines += [tuple("─" * width for width in widths), *zip(*columns.values())]
    aligned = [
        [cell.rjust(width) if name in RIGHT_ALIGNED else cell.ljust(width) for cell, width, name in row]
        for row in (zip(line, widths, columns) for line in lines)
    ]
    return "\n".join((" " * gap).join(line).rstrip() for line in aligned)


def rounded(count: int) -> str:
    """A number with three digits, such as 2.46 M; empty for 0."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.3g} {unit}" if count < 999.5 * size else f"{count / size:,.0f} {unit}"
    return str(count or "")
