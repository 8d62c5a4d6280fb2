"""Markdown for the Text tab."""

from collections.abc import Mapping


def config_table(flat: Mapping[str, object]) -> str:
    """Keys and values, as code: Markdown reads the underscores of `_target_` as emphasis.

    Args:
        flat: The config, keys joined by dots.
    """
    words = {True: "true", False: "false"}  # as they are typed
    rows = {f"`{key}`": f"`{words[value] if isinstance(value, bool) else value}`" for key, value in flat.items()}
    return table(rows, ("key", "value"))


def table(rows: Mapping[str, str], head: tuple[str, str]) -> str:
    """Two columns, names and values."""
    lines = [f"| {head[0]} | {head[1]} |", "| --- | --- |"]
    lines += [f"| {_cell(name)} | {_cell(value)} |" for name, value in rows.items()]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")
