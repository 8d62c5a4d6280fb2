"""The command that trains the seeds that two settings lack, so that their difference can be told from chance."""

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from itertools import product

from convboard.config.command_line import assignment, command
from convboard.experiment.console import shown_path
from convboard.results.compare import Comparison
from convboard.results.read_runs import read_runs
from convboard.results.run_row import SEED, RunRow
from convboard.sweeps.store.entries import OVER
from convboard.sweeps.store.sweep_record import read_record

_LEAST, _MOST = 2, 100  # seeds that are advised
_LISTED = 5  # seeds that are listed one by one
_PLAIN = re.compile(r"[\w.+-]+")  # a value that Hydra takes as it is written


def more_seeds(first: Sequence[RunRow], second: Sequence[RunRow], found: Comparison) -> str:
    """Return the command that trains as many more seeds of two settings as would tell; empty where none does.

    Args:
        first: The runs of A.
        second: The runs of B.
        found: A compared with B.
    """
    rows = (*first, *second)
    sweeps = {row.sweep for row in rows}
    folder = next(iter(sweeps))
    if found.is_significant or not found.gain or (found.paired_by and SEED not in found.paired_by):
        return ""  # if seeds are compared with others, more of them belong to neither
    if len(sweeps) > 1 or folder is None or read_record(folder).options.get("search", "grid") != "grid":
        return ""
    missing = _missing(found, rows)
    if not 0 < missing <= _MOST:
        return ""
    start = max((seed for row in rows if isinstance(seed := row.config.get(SEED), int)), default=0) + 1
    numbers = range(start, start + missing)
    listed = ",".join(map(str, numbers)) if missing <= _LISTED else f"range({start},{start + missing})"
    resume = assignment("sweep.resume", shown_path(folder))
    return command("train", "-m", resume, shlex.quote(f"{SEED}={listed}"), *_restriction(rows, read_runs([folder])))


def _missing(found: Comparison, rows: Sequence[RunRow]) -> int:
    """Return how many seeds are missing beside those that have not ended; a few if that is not known."""
    done = {row.config.get(SEED) for row in rows if row.value is not None}
    pending = {row.config.get(SEED) for row in rows if row.state not in OVER} - done
    if found.needed is None or SEED not in found.paired_by:
        return _LEAST - len(pending)
    missing = math.ceil((found.needed - found.first.n) * len(done) / found.first.n)
    return max(_LEAST, missing) - len(pending)


def _restriction(rows: Sequence[RunRow], sweep: Sequence[RunRow]) -> list[str]:
    """Return the overrides that leave out other settings of the sweep; none where that cannot be said in this way."""
    keys = [key for key in dict.fromkeys(key for row in sweep for key in row.swept) if key != SEED]
    values = {key: list(dict.fromkeys(row.swept.get(key, "") for row in rows)) for key in keys}
    known = {_values(row.swept, keys) for row in sweep}
    if not all(_PLAIN.fullmatch(text) for texts in values.values() for text in texts):
        return []
    if not all(combination in known for combination in product(*values.values())):
        return []  # these overrides would add settings
    return [f"{key}={','.join(texts)}" for key, texts in values.items()]


def _values(swept: Mapping[str, str], keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(swept.get(key, "") for key in keys)
