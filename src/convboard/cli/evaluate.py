"""Evaluation of the best network of a finished run: `python scripts/evaluate.py run=<run dir>`."""

import sys
from dataclasses import dataclass

from omegaconf import MISSING
from rich.console import Console

from convboard.cli.arguments import read_arguments, split_places
from convboard.experiment.console import metrics_table
from convboard.experiment.run_dir import load_run

_TOLERANCE = 0.02  # relative
DIFFERENT = (
    "They differ although images and checkpoint are the same: the network computes with something that is not stored, "
    "such as layers in a plain list or random numbers in forward, or its code has changed."
)


@dataclass
class Arguments:
    """Evaluate the best network of a finished run again, and compare its metrics with those of `result.json`.

    If the data was moved since, add data_dir=<folder>, or dataset.path=<folder> for a folder of pictures.

    Attributes:
        run: The run directory, such as outputs/digits/lenet/2026-01-31_12-00-00-0a1b2c.
        trust: Build the network although its class is not convboard's own. That runs code that the run names.
    """

    run: str = MISSING
    trust: bool = False


def main() -> None:
    """Print the validation and test metrics beside those of the run."""
    own, places = split_places(sys.argv[1:])
    arguments = read_arguments(Arguments, "evaluate", own)
    finished = load_run(arguments.run).with_places(places.get("data_dir"), places.get("dataset.path"))
    from convboard.experiment.evaluation import evaluate_run  # after the arguments are checked: this imports torch

    again = evaluate_run(finished, arguments.trust)
    console = Console(highlight=False)
    console.print(metrics_table(again, "evaluated again"))
    recorded = finished.result.get("metrics")
    if recorded is None:
        console.print("The run has not finished: its result.json has no metrics.")
    elif all(recorded[tag] == value for tag, value in again.items()):
        console.print("The metrics equal those in result.json, to the last bit.")
    else:
        console.print(metrics_table(recorded, "in result.json"))
        if _differ(again, recorded):
            console.print(DIFFERENT)


def _differ(again: dict[str, float], recorded: dict[str, float]) -> bool:
    """Return whether metrics differ by more than other hardware explains."""
    return any(abs(value - recorded[tag]) > _TOLERANCE * max(abs(recorded[tag]), 1e-6) for tag, value in again.items())
