"""Evaluate the best network of a finished run again: `python scripts/evaluate.py run=<run dir>`."""

from convboard.training import interrupt

interrupt.end_at_once()  # before anything is imported that takes its time

from dataclasses import dataclass  # noqa: E402

from omegaconf import MISSING  # noqa: E402
from rich.console import Console  # noqa: E402

import convboard  # noqa: E402
from convboard import entry  # noqa: E402
from convboard.arguments import read_arguments  # noqa: E402
from convboard.report import figures_table  # noqa: E402


@dataclass
class Arguments:
    """Evaluate the best network of a finished run again, and compare the figures with those that the run wrote down.

    Attributes:
        run: The run directory, such as outputs/digits/lenet/2026-01-31_12-00-00-0a1b2c.
        trust: Build the network although its class is not convboard's own, which runs code that the run names.
    """

    run: str = MISSING
    trust: bool = False


def main() -> None:
    """Print the validation and test figures beside those that the run wrote down."""
    arguments = read_arguments(Arguments)
    finished = convboard.load_run(arguments.run)
    again = convboard.evaluate_run(finished, arguments.trust)
    console = Console(highlight=False)
    console.print(figures_table(again, "evaluated again"))
    recorded = finished.result.get("metrics")
    if recorded is None:
        console.print("The run has written no figures: it has not finished.")
    elif all(recorded[tag] == value for tag, value in again.items()):
        console.print("The same figures, to the last bit, as the run wrote down.")
    else:
        console.print(figures_table(recorded, "as the run wrote down"))


if __name__ == "__main__":
    with entry.command():
        main()
