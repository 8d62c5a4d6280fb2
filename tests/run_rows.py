"""Runs as rows of a table, for tests of what is made of them."""

from pathlib import Path
from typing import Any

from convboard.config.objectives import test_metric
from convboard.results.run_row import RunRow
from convboard.sweeps.store.entries import State


def run_row(number: int, value: float | None, state: State = State.FINISHED, **facts: Any) -> RunRow:
    """A run of a sweep.

    Args:
        number: Its number in the sweep.
        value: Its objective, accuracy/val unless the config has another one; the metric on the test split is half as
            large. None: it has no result.
        state: Its state.
        **facts: `epochs`, or values of its config: keys with `__` for a dot.
    """
    config = {key.replace("__", "."): fact for key, fact in facts.items() if key != "epochs"}
    objective = config.get("objective", "accuracy/val")
    metrics = {} if value is None else {objective: value, test_metric(objective): value / 2}
    return RunRow(
        Path(f"outputs/sweeps/s/{number}"),
        str(number),
        state,
        config={"objective": objective, **config},
        metrics=metrics,
        epochs=facts.get("epochs"),
        sweep=Path("outputs/sweeps/s"),
        number=number,
        swept={key: str(value) for key, value in config.items()},
    )
