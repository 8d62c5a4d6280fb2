"""What a terminal shows of a sweep."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from convboard.sweeps.journal import Entry, State
from convboard.sweeps.live_view import LiveView, format_duration, format_value
from convboard.sweeps.reports import Progress
from convboard.sweeps.sweep_folder import Sweep, SweepRecord
from convboard.sweeps.trials import Trial

SweepOf = Callable[..., Sweep]


@pytest.fixture
def sweep_of(tmp_path: Path) -> SweepOf:
    def make(trials: int, objective: str = "accuracy/val") -> Sweep:
        plain = [Trial(0, (f"seed={seed}",), {"seed": str(seed)}, f"seed={seed}", {}) for seed in range(trials)]
        return Sweep.create(tmp_path, SweepRecord("train.py -m", ("seed",), objective, "abc", {}), plain)

    return make


class Terminal:
    """A view of a sweep, and what it has printed."""

    def __init__(self, sweep: Sweep, is_terminal: bool = False) -> None:
        self.file, self.sweep, self.now = io.StringIO(), sweep, 0.0
        self.console = Console(file=self.file, width=100, force_terminal=is_terminal, force_interactive=is_terminal)
        self.view = LiveView(self.console, sweep, 2, lambda: self.now)

    def start(self, number: int) -> None:
        self.sweep.journal.claim("w", [number])
        self.view.on_start(self.sweep.trials[number])

    def end(self, number: int, entry: Entry) -> None:
        self.sweep.journal.append(number, entry)
        self.view.on_end(self.sweep.trials[number], entry)

    def table(self) -> list[str]:
        plain = Console(file=io.StringIO(), width=100, record=True)
        plain.print(self.view._table())
        return [line.rstrip() for line in plain.export_text().splitlines()]


def test_a_line_for_each_trial_that_ends(sweep_of: SweepOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["train.py"])
    monkeypatch.delenv("UV", raising=False)
    terminal = Terminal(sweep_of(12))
    with terminal.view:
        for number in (0, 1, 2):
            terminal.start(number)
        terminal.end(0, Entry(State.FINISHED, value=0.975, seconds=12.4))
        terminal.end(1, Entry(State.FAILED, reason="ValueError: \x1b[2Jno", seconds=70))
        terminal.end(2, Entry(State.INTERRUPTED, reason="the sweep was stopped", seconds=3))
    assert terminal.file.getvalue().splitlines() == [
        " 1/12 finished     0  seed=0  accuracy/val 97.50%  12 s",
        " 2/12 failed       1  seed=1  1:10 min",
        r"      ValueError: \x1b[2Jno",
        f"      log: {tmp_path}/seed=1/log.txt",
        "      alone: python train.py seed=1",
        "      interrupted  2  seed=2  3 s",
    ]


def test_the_table_shows_what_runs_the_best_and_the_time_left(sweep_of: SweepOf) -> None:
    terminal = Terminal(sweep_of(6), is_terminal=True)
    with terminal.view:
        terminal.start(0)
        assert terminal.view.seconds_left() is None
        terminal.end(0, Entry(State.FINISHED, value=0.5, seconds=10.0))
        terminal.start(1)
        terminal.start(2)
        terminal.now = 65.0
        terminal.view.on_progress(terminal.sweep.trials[1], Progress(1, 2, 0.4321, 12345.6))
        # Three wait and take 10 s each, one has done half, one nothing: 30 + 5 + 10 s for two places.
        assert terminal.view.seconds_left() == pytest.approx(22.5)
        table = terminal.table()
    rows = [line.translate(str.maketrans("", "", "━╸╺")).split() for line in table if line.startswith("seed=")]
    assert rows == [["seed=1", "1/2", "43.21%", "12,346", "1:05", "min"], ["seed=2", "1:05", "min"]]
    assert table[-2:] == [
        "3 waiting · 2 running · 1 finished · about 22 s left",
        "best: seed=0  accuracy/val 50.00%",
    ]


def test_the_best_loss_is_the_smallest(sweep_of: SweepOf) -> None:
    terminal = Terminal(sweep_of(2, "loss/val"))
    for number, value in ((0, 0.25), (1, 0.5)):
        terminal.start(number)
        terminal.end(number, Entry(State.FINISHED, value=value, seconds=1.0))
    assert terminal.table()[-1] == "best: seed=0  loss/val 0.2500"


def test_values_and_times_are_for_people() -> None:
    assert format_value("accuracy/test", 0.98765) == "98.77%"
    assert format_value("loss/val", 0.123456) == "0.1235"
    assert [format_duration(seconds) for seconds in (0.4, 59.4, 59.6, 3599, 7384)] == [
        *("0 s", "59 s", "1:00 min", "59:59 min", "2:03 h"),
    ]
