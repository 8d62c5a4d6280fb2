"""What a proposal of a search costs the pool, with few and many known trials; and the import of Optuna."""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarking.progress import Progress
from benchmarking.tables import Cell, Section
from convboard.sweeps.new_sweep import create_sweep
from convboard.sweeps.search.new_search import new_plan
from convboard.sweeps.search.plan import SearchPlan
from convboard.sweeps.search.search import Search, fraction
from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.sweep_options import SweepOptions

_SPACE = (
    *("optimizer.lr=tag(log,interval(0.0001,1))", "batch_size=tag(log,int(interval(8,256)))"),
    *("optimizer.momentum=interval(0,0.99)", "model=lenet,conv_mlp,batchnorm_cnn"),
)
_KNOWN = (0, 10, 100, 1000)
_PROPOSALS = 5  # whose median is reported
_IMPORT = """
import time, convboard.cli.sweep
began = time.process_time()
import convboard.sweeps.search.tpe
print(time.process_time() - began)
"""


def search(rounds: int) -> list[Section]:
    """Measure proposals of both searches.

    Args:
        rounds: Number of times that the import is measured.
    """
    methods = ("random", "tpe")
    progress = Progress("search", [1] * (len(methods) * len(_KNOWN) + 1))
    rows: list[dict[str, Cell]] = []
    for method in methods:
        options = SweepOptions(search=method, max_trials=max(_KNOWN) + 100)
        plan = new_plan(options, _SPACE)
        assert plan is not None
        for known in _KNOWN:
            progress.begin(f"{method}, {known:,} known")
            rows.append({"search": method, "known trials": known, "ms of CPU": 1000 * _proposal(plan, options, known)})
    progress.begin("import")
    seconds = median(float(subprocess.check_output([sys.executable, "-c", _IMPORT])) for _ in range(rounds))
    formats = {"search": "", "known trials": ",.0f", "ms of CPU": ".1f"}
    imports: list[dict[str, Cell]] = [{"": "import of Optuna", "seconds of CPU": seconds}]
    return [
        Section("A proposal, with its files", formats, rows),
        Section("Once in a search by TPE", {"": "", "seconds of CPU": ".2f"}, imports),
    ]


def _proposal(plan: SearchPlan, options: SweepOptions, known: int) -> float:
    """Return the seconds of CPU of a proposal when so many trials have finished."""
    with TemporaryDirectory() as folder:
        examples = list(plan.corners())
        sweep = create_sweep(Path(folder) / "sweep", [], examples, options, plan.to_json())
        if known:
            sweep.trials.add_block([_trial(plan, examples[0], number) for number in range(known)])
        for number in range(known):
            sweep.journal.claim("worker", [number])
            sweep.journal.append(number, Entry(State.FINISHED, "worker", value=fraction(number)))
        asked = Search(sweep, plan)
        asked.propose()  # reads the history
        seconds = []
        for _ in range(_PROPOSALS):
            began = time.process_time()
            asked.propose()
            seconds.append(time.process_time() - began)
        return median(seconds)


def _trial(plan: SearchPlan, example: Trial, number: int) -> Trial:
    """Return a trial that was drawn at random, but not composed."""
    swept = plan.space.at({key: fraction(number, key) for key in plan.space.dimensions})
    return replace(example, swept=swept, folder=str(number), outcomes={})
