"""Runs as rows of a table, for tests of what is made of them."""

from pathlib import Path
from typing import Any

from convboard.results.run_row import RunRow
from convboard.sweeps.store.journal import State


def run_row(number: int, value: float | None, state: State = State.FINISHED, **facts: Any) -> RunRow:
    """A run of a sweep.

    Args:
        number: Its number in the sweep.
        value: Its objective, accuracy/val; the metric on the test split is half as large. None: it has no result.
        state: Its state.
        **facts: `epochs`, or values of its config: keys with `__` for a dot.
    """
    config = {key.replace("__", "."): fact for key, fact in facts.items() if key != "epochs"}
    metrics = {} if value is None else {"accuracy/val": value, "accuracy/test": value / 2}
    return RunRow(
        Path(f"outputs/sweeps/s/{number}"),
        str(number),
        state,
        config={"objective": "accuracy/val", **config},
        metrics=metrics,
        epochs=facts.get("epochs"),
        sweep=Path("outputs/sweeps/s"),
        number=number,
        swept={key: str(value) for key, value in config.items()},
    )
