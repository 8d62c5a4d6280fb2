"""What was measured, as tables: for the terminal, for a page in Markdown, and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

Cell = str | float


@dataclass(frozen=True)
class Section:
    """One table.

    Attributes:
        title: What it is about.
        formats: Format of each column's numbers, by its heading; empty for text.
        rows: A value for each column.
    """

    title: str
    formats: dict[str, str]
    rows: list[dict[str, Cell]]

    def texts(self) -> list[list[str]]:
        """The rows as they are shown."""
        return [[format(row[column], spec) for column, spec in self.formats.items()] for row in self.rows]


def show(sections: Sequence[Section], facts: dict[str, str], style: str) -> None:
    """Print everything as `table`, `markdown` or `json`.

    Args:
        sections: What was measured.
        facts: Of the machine and the versions, by name.
        style: How.
    """
    if style == "json":
        print(json.dumps({"facts": facts, "sections": [asdict(section) for section in sections]}, indent=2))
    elif style == "markdown":
        print("\n\n".join([_machine(facts), *map(_markdown, sections)]))
    else:
        console = Console(highlight=False, soft_wrap=True)
        console.print(_machine(facts))
        for section in sections:
            console.print(_rich_table(section))


def _machine(facts: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items()) + "."


def _markdown(section: Section) -> str:
    headings = list(section.formats)
    rule = ["---:" if spec else "---" for spec in section.formats.values()]
    lines = [headings, rule, *section.texts()]
    return "\n".join([f"### {section.title}", "", *(f"| {' | '.join(line)} |" for line in lines)])


def _rich_table(section: Section) -> Table:
    table = Table(title=section.title, title_justify="left")
    for heading, spec in section.formats.items():
        table.add_column(heading, justify="right" if spec else "left")
    for row in section.texts():
        table.add_row(*row)
    return table
