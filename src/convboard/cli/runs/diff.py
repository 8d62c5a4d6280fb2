"""What differs between two runs: `python scripts/runs.py diff A B`."""

from dataclasses import dataclass

from convboard.cli.runs.selection import load
from convboard.cli.runs.text_table import one_line, text_lines
from convboard.errors import ConfigError
from convboard.experiment.console import counted
from convboard.results.diff import diff


@dataclass
class Arguments:
    """Show what differs between two runs, A and B: config, environment, version of the code, and result.

    Give two run directories; or folders, each of which is then taken as a whole: with all values that its runs have of
    a key, and the mean of their results.
    """


def main(paths: list[str], _: Arguments) -> None:
    """Print what differs."""
    if len(paths) != 2:
        raise ConfigError(f"{counted(len(paths), 'path')} given: diff takes two, as in diff A B.")
    first, second = (load([path], None) for path in paths)
    print(one_line(f"A: {paths[0]}"), one_line(f"B: {paths[1]}"), sep="\n")
    parts = diff(first, second)
    for part, found in parts.items():
        cells = {
            part: [one_line(each.name) for each in found],
            "A": [one_line(each.first) for each in found],
            "B": [one_line(each.second) for each in found],
        }
        if any(each.change for each in found):
            cells["B - A"] = [each.change for each in found]
        print("", *text_lines(cells), sep="\n")
    if {row.path.resolve() for row in first} == {row.path.resolve() for row in second}:
        print("\nA and B are the same.")
    elif "config" not in parts:
        print("\nTheir configs are equal.")
