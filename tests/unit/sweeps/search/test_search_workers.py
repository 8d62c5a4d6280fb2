"""Workers of one search in processes of their own, which propose at the same time."""

from dataclasses import replace
from pathlib import Path

import pytest

from convboard.sweeps.search.history import History
from convboard.sweeps.search.new_search import new_plan
from convboard.sweeps.search.search import proposal
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import SweepRecord
from convboard.sweeps.sweep_options import SweepOptions
from python_code import first_line, start

WORKER = """
import sys
from pathlib import Path
from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.search.search import Search
from convboard.sweeps.store.sweep_folder import Sweep

sweep = Sweep.open(Path(sys.argv[1]))
search = Search.open(sweep)
print("ready", flush=True)
sys.stdin.readline()
while True:
    number = sweep.journal.claim(sys.argv[2], range(len(sweep.trials)))
    if number is not None:
        value = sweep.trials[number].config["optimizer"]["lr"]
        sweep.journal.append(number, Entry(State.FINISHED, sys.argv[2], value=value))
    elif not search.propose():
        break
    sweep.refresh()
"""


@pytest.mark.thorough
def test_workers_that_propose_at_the_same_time_try_each_setting_once(tmp_path: Path) -> None:
    options = SweepOptions(search="tpe", max_trials=40)
    plan = new_plan(options, ["optimizer.lr=interval(0.001,0.1)", "model=lenet,conv_mlp"])
    assert plan is not None
    record = SweepRecord(
        "train.py -m sweep=tpe", ("optimizer.lr", "model"), "accuracy/val", "abc", {}, options.shared()
    )
    folder = Sweep.create(tmp_path / "sweep", record, [], plan.to_json()).folder
    workers = [start(WORKER, folder, f"worker-{number}") for number in range(4)]
    for worker in workers:
        first_line(worker)
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate(timeout=120)
        assert worker.returncode == 0
    sweep, history = Sweep.open(folder), History(tuple(plan.space.dimensions))
    assert len({tuple(trial.swept.items()) for trial in sweep.trials}) == len(sweep.trials) == 40
    for trial in sweep.trials:
        assert [entry.state for entry in sweep.journal.entries(trial.number)] == [State.RUNNING, State.FINISHED]
        assert trial.outcomes is not None
        (again,) = proposal(plan, sweep.record, history.after(trial.outcomes))
        assert replace(again, number=trial.number, outcomes=trial.outcomes) == trial
        history.add(trial)
