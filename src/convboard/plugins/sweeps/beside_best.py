"""A run beside the best one: in what their configs differ, and whether one setting is better by more than chance."""

from collections.abc import Sequence
from typing import Any

from convboard.errors import RunError
from convboard.results.compare import compare_runs
from convboard.results.diff import differing_config
from convboard.results.run_row import RunRow
from convboard.results.table import RunTable


def beside_best(run: RunRow, best: RunRow, rows: Sequence[RunRow]) -> dict[str, Any]:
    """Return what differs between a run and a run of the best setting.

    Args:
        run: The run.
        best: A run of the best setting.
        rows: All runs of their folder, of which some are further seeds of these two.

    Returns:
        `config`: the keys that differ, each with both values; `sentence`: which of the two settings is better, by how
        much, and whether that may be chance; empty if one of them has no result.
    """
    settings = RunTable(rows).settings()
    first, second = (next(setting.rows for setting in settings if row in setting.rows) for row in (best, run))
    try:
        sentence = compare_runs(first, second).sentence("the best setting", "this one")
    except RunError:
        sentence = ""
    return {"config": differing_config(run, best), "sentence": sentence[:1].upper() + sentence[1:]}
