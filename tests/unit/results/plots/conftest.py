"""Runs of which figures are drawn."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convboard.results.plots.style import style
from convboard.results.run_row import RunRow
from convboard.results.table import RunTable
from convboard.sweeps.store.entries import State
from run_rows import run_row

MakeRun = Callable[..., RunRow]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Make a run with curves: `make_run(0, 0.9, model="lenet")`; `epochs=` is their length."""

    def make(number: int, value: float | None, state: State = State.FINISHED, **facts: Any) -> RunRow:
        path = tmp_path / str(number)
        path.mkdir()
        lines = [
            f"{epoch},{epoch * 10},{1000 + epoch},0.1,{1 / epoch},{(value or 0.5) * epoch / 3}\n"
            for epoch in range(1, facts.get("epochs", 3) + 1)
        ]
        (path / "curves.csv").write_text("epoch,step,time,lr,loss/val,accuracy/val\n" + "".join(lines))
        return replace(run_row(number, value, state, **facts), path=path)

    return make


@pytest.fixture
def sweep(make_run: MakeRun) -> RunTable:
    """Two models, two learning rates, two seeds."""
    values = {
        ("lenet", 0.1): (0.95, 0.97),
        ("lenet", 0.01): (0.93, 0.94),
        ("b", 0.1): (0.9, 0.92),
        ("b", 0.01): (0.9, 0.9),
    }
    rows = [
        make_run(2 * index + seed, value, model=model, optimizer__lr=lr, seed=seed)
        for index, ((model, lr), both) in enumerate(values.items())
        for seed, value in enumerate(both)
    ]
    return RunTable(rows, ["model", "optimizer.lr", "seed"])


@pytest.fixture(autouse=True)
def _in_the_style() -> Iterator[None]:
    with style():
        yield
