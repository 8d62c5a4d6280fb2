"""What a terminal shows of a sweep."""

import io
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from convboard.experiment.run_summary import COLUMNS
from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.terminal.live_view import LiveView, short_keys
from convboard.sweeps.terminal.trial_lines import format_duration
from convboard.sweeps.workers.reports import Progress
from sweep_records import sweep_of_seeds

SweepOf = Callable[..., Sweep]


@pytest.fixture
def sweep_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepOf:
    monkeypatch.chdir(tmp_path)
    return lambda trials, objective="accuracy/val": sweep_of_seeds(tmp_path / "sweep", trials, objective)


class Terminal:
    """A view of a sweep, and what it has printed."""

    def __init__(self, sweep: Sweep, is_terminal: bool = False, width: int = 100) -> None:
        self.file, self.sweep, self.now = io.StringIO(), sweep, 0.0
        self.console = Console(file=self.file, width=width, force_terminal=is_terminal, force_interactive=is_terminal)
        self.view = LiveView(self.console, sweep, 2, lambda: self.now)

    def start(self, number: int) -> None:
        self.sweep.journal.claim("w", [number])
        self.view.on_start(self.sweep.trials[number])

    def end(self, number: int, entry: Entry) -> None:
        self.sweep.journal.append(number, entry)
        self.view.on_end(self.sweep.trials[number], entry)

    def picture(self) -> list[str]:
        plain = Console(file=io.StringIO(), width=self.console.width, record=True)
        plain.print(self.view.picture())
        return [line.rstrip() for line in plain.export_text().splitlines()]


def test_a_line_for_each_trial_that_ends(sweep_of: SweepOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["train.py"])
    monkeypatch.delenv("UV", raising=False)
    terminal = Terminal(sweep_of(12))
    with terminal.view:
        for number in (0, 1, 2):
            terminal.start(number)
        terminal.end(0, Entry(State.FINISHED, value=0.975, seconds=12.4))
        terminal.end(1, Entry(State.FAILED, reason="ValueError: \x1b[2Jno", seconds=70))
        terminal.view.on_stop("time")
        terminal.end(2, Entry(State.INTERRUPTED, reason="the sweep was stopped", seconds=3))
    assert terminal.file.getvalue().splitlines() == [
        " 1/12  finished      #0   97.50%       12 s  seed=0",
        " 2/12  failed        #1            1:10 min  seed=1",
        r"       ValueError: \x1b[2Jno",
        "       log:   sweep/seed=1/log.txt",
        "       alone: python train.py seed=1",
        "stopping: time; 1 trial being saved",
        "       interrupted   #2                 3 s  seed=2",
    ]


def test_the_picture_shows_what_runs_the_best_and_the_time_left(sweep_of: SweepOf) -> None:
    terminal = Terminal(sweep_of(6), is_terminal=True)
    with terminal.view:
        terminal.start(0)
        terminal.now = 10.0
        terminal.end(0, Entry(State.FINISHED, value=0.5, seconds=10.0))
        terminal.start(1)
        terminal.start(2)
        terminal.now = 15.0
        terminal.view.on_progress(terminal.sweep.trials[1], Progress(1, 2, 0.4321, 12345.6))
        picture = terminal.picture()
    rows = [line.translate(str.maketrans("", "", "━╸╺")).split() for line in picture[1:4]]
    assert rows == [
        ["trial", "seed", "epoch", "accuracy/val", "images/s", "time"],
        ["1", "1", "1/2", "43.21%", "12,346", "5", "s"],
        ["2", "2", "5", "s"],
    ]
    bar, counts, best = picture[-3:]
    assert bar.count("━") == 66
    assert bar.endswith("  15 s, about 25 s left")  # three wait, 10 s each; the places are free in 5 s
    assert counts == "1 of 6 · 1 finished · 2 running · 3 waiting"
    assert best == "best 50.00% accuracy/val   seed=0"


def test_many_running_trials_are_counted(sweep_of: SweepOf) -> None:
    terminal = Terminal(sweep_of(30), is_terminal=True)
    with terminal.view:
        for number in range(25):
            terminal.start(number)
        terminal.sweep.journal.claim("another worker", [25])
        picture = terminal.picture()
    assert "and 10 more, 1 of them by other workers" in picture
    assert len(picture) <= 25


def test_what_other_workers_train_and_its_results_are_shown(sweep_of: SweepOf) -> None:
    sweep = sweep_of(6)
    for number in (0, 1, 2):
        sweep.journal.claim("box-1", [number])
    sweep.journal.append(0, Entry(State.FINISHED, "box-1", value=0.1, seconds=1.0))  # before this process looked
    terminal = Terminal(sweep)
    terminal.start(3)
    sweep.journal.append(1, Entry(State.FINISHED, "box-1", value=0.2, seconds=2.0))
    terminal.now = 1.0
    terminal.view.on_tick()
    sweep.journal.append(2, Entry(State.PRUNED, "box-1", "it is worse", value=0.3, seconds=3.0))
    sweep.journal.claim("box-1", [4])
    terminal.end(3, Entry(State.FINISHED, value=0.4, seconds=4.0))
    terminal.now = 5.0
    terminal.view.on_tick()
    assert terminal.file.getvalue().splitlines() == [
        "2/6  finished     #1   20.00%        2 s  seed=1   by box-1",
        "3/6  pruned       #2   30.00%        3 s  seed=2   by box-1",
        "     it is worse",
        "4/6  finished     #3   40.00%        4 s  seed=3",
    ]
    assert [line.split() for line in terminal.picture()[1:3]] == [
        ["trial", "seed", "epoch", "accuracy/val", "images/s", "time", "on"],
        ["4", "4", "0", "s", "box"],
    ]


def test_how_far_others_are_is_read_from_their_curves(sweep_of: SweepOf) -> None:
    terminal = Terminal(sweep_of(2))
    run = terminal.sweep.run_dir(1)
    run.mkdir()
    lines = (",".join(COLUMNS), "1,10,0.5,1234.5,0.1,1.0,0.3,1.1,0.625", "2,20,1")
    (run / "curves.csv").write_text("\n".join(lines))  # a line is being written
    terminal.sweep.journal.claim("node-7-4711-abc123", [1])
    terminal.now = 5.0
    row = terminal.picture()[2].split()
    assert row[:3] + row[4:6] + row[-1:] == ["1", "1", "1/1", "62.50%", "1,234", "node-7"]


def test_the_workers_are_described_now_and_then(sweep_of: SweepOf) -> None:
    looks = itertools.count(1)
    view = LiveView(Console(), sweep_of(1), 0, lambda: 0.0, lambda: f"{next(looks)} workers")
    console = Console(file=io.StringIO(), width=100, record=True)
    for _ in range(2):
        console.print(view.picture())
    assert console.export_text().count("1 workers") == 2


def test_a_log_gets_a_line_of_progress_each_minute(sweep_of: SweepOf) -> None:
    terminal = Terminal(sweep_of(2))
    terminal.start(0)
    for terminal.now in (30.0, 59.0, 61.0, 62.0):
        terminal.view.on_tick()
    assert terminal.file.getvalue() == "0 of 2 · 1 running · 1 waiting   1:01 min\n"


def test_the_count_is_right_while_looking_at_all_trials_is_slow(sweep_of: SweepOf) -> None:
    terminal = Terminal(sweep_of(5))
    state = terminal.sweep.journal.state

    def slow_state(number: int) -> State:
        terminal.now += 1.0
        return state(number)

    terminal.sweep.journal.state = slow_state  # type: ignore[method-assign]
    for number in range(5):
        terminal.start(number)
        terminal.end(number, Entry(State.FINISHED, value=0.5, seconds=1.0))
    places = [line[:3] for line in terminal.file.getvalue().splitlines() if "finished  " in line]
    assert places == ["1/5", "2/5", "3/5", "4/5", "5/5"]


def test_the_best_loss_is_the_smallest(sweep_of: SweepOf) -> None:
    terminal = Terminal(sweep_of(2, "loss/val"))
    for number, value in ((0, 0.25), (1, 0.5)):
        terminal.start(number)
        terminal.end(number, Entry(State.FINISHED, value=value, seconds=1.0))
    assert terminal.picture()[-1] == "best 0.2500 loss/val   seed=0"


def test_keys_and_times_are_for_people() -> None:
    assert [format_duration(seconds) for seconds in (0.4, 59.4, 59.6, 3599, 7384)] == [
        *("0 s", "59 s", "1:00 min", "59:59 min", "2:03 h"),
    ]
    keys = ["model", "optimizer.lr", "optimizer.weight_decay", "model.size", "dataset.size"]
    assert list(short_keys(keys).values()) == ["model", "lr", "weight_decay", "model.size", "dataset.size"]
