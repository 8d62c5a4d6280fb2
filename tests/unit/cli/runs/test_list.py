"""`runs list`: what is shown of runs and settings."""

import os
import re
from pathlib import Path

import pytest

from convboard.cli.runs import list as command
from convboard.errors import ConfigError
from convboard.sweeps.store.entries import State
from synthetic_sweep import Outcome, grid, write_sweep

OUTCOMES = (
    Outcome(value=0.9),
    Outcome(value=0.7),
    Outcome(value=0.8),
    Outcome(State.FAILED, reason="out of [red]memory[/]", epochs=2),
    Outcome(value=0.88),
    Outcome(State.RUNNING, epochs=4),
)


@pytest.fixture
def sweep(tmp_path: Path) -> str:
    """A sweep of three learning rates and two seeds: 0.1 and 0.01 have two results or one, 0.001 has one."""
    axes: dict[str, list[float]] = {"optimizer.lr": [0.1, 0.01, 0.001], "seed": [1, 2]}
    return str(write_sweep(tmp_path / "sweep", grid(axes), OUTCOMES).folder)


def listed(capsys: pytest.CaptureFixture[str], *paths: str, **keys: str | int) -> list[list[str]]:
    """The cells of the lines that the command prints."""
    command.main([*paths], command.Arguments(**keys))  # type: ignore[arg-type]
    lines = capsys.readouterr().out.splitlines()
    return [re.split(r" {2,}", line.strip()) for line in lines]


def test_a_row_for_each_setting(sweep: str, capsys: pytest.CaptureFixture[str]) -> None:
    heads, _, *rows, _, summary = listed(capsys, sweep)
    assert heads == [
        *("run", "state", "lr", "n", "accuracy/val", "95 %", "accuracy/test", "epochs", "seconds", "age", "reason")
    ]
    assert rows[0][:7] == ["#0 #3", "1 finished, 1 failed", "0.1", "1", "90.00%", "89.00%", "10, 2/10"]
    assert rows[0][-1] == "out of [red]memory[/]"
    assert rows[1][:7] == ["#1 #4", "finished", "0.01", "2", "79.00% ± 12.73%", "± 114.36%", "78.00% ± 12.73%"]
    assert rows[2][:5] == ["#2 #5", "1 finished, 1 running", "0.001", "1", "80.00%"]
    assert [summary[0][:24]] == ["3 settings with 6 runs: "]


def test_a_row_for_each_run(sweep: str, capsys: pytest.CaptureFixture[str]) -> None:
    heads, _, *rows, _, summary = listed(capsys, sweep, group="none", sort="objective")
    assert heads[:5] == ["run", "state", "lr", "seed", "accuracy/val"]
    assert [row[0] for row in rows] == ["#0", "#4", "#2", "#1", "#3", "#5"]
    assert rows[5][:5] == ["#5", "running", "0.001", "2", "4/10"]
    assert summary == ["6 runs: 4 finished, 1 failed, 1 running"]


def test_settings_are_sorted_by_their_means(sweep: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, *rows = listed(capsys, sweep, sort="objective", top=2)
    assert [row[2] for row in rows[:-2]] == ["0.1", "0.001"]
    _, _, *rows = listed(capsys, sweep, sort="-lr", where="lr<0.1")
    assert [row[2] for row in rows[:-2]] == ["0.01", "0.001"]


def test_chosen_columns(sweep: str, capsys: pytest.CaptureFixture[str]) -> None:
    heads, _, *rows, _, _ = listed(capsys, sweep, columns="lr,loss/val,n,momentum,reason")
    assert heads == ["lr", "loss/val", "n", "momentum", "reason"]
    assert rows[0] == ["0.1", "0.1000", "1", "0.9", "out of [red]memory[/]"]
    assert rows[1:] == [["0.01", "0.2100 ± 0.1273", "2", "0.9"], ["0.001", "0.2000", "1", "0.9"]]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"columns": "lrr"}, "'lrr' is no column"),
        ({"sort": "lrr"}, "'lrr' is no column"),
        ({"where": "lrr>1"}, "'lrr' is no column"),
        ({"top": 0}, "top=0: must be at least 1"),
        ({"group": "sed"}, "Did you mean 'seed'"),
    ],
)
def test_mistakes(keys: dict[str, str | int], message: str, sweep: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match=message):
        listed(capsys, sweep, **keys)


def test_no_run(tmp_path: Path, sweep: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert listed(capsys, str(tmp_path / "empty"), sort="objective") == [[f"There are no runs in {tmp_path}/empty."]]
    told = listed(capsys, sweep, where="lr>1 and accuracy/val>90 and state=done or objective=accuracy")
    assert told == [
        [f"No run in {sweep} fulfils lr>1 and accuracy/val>90 and state=done or objective=accuracy. Its 6 runs have"],
        ["lr:", "0.001, 0.01, 0.1"],
        ["accuracy/val: 0.7, 0.8, 0.88, 0.9, null"],
        ["state:", "failed, finished, running"],
        ["objective:", "0.7, 0.8, 0.88, 0.9, accuracy/val, null"],
    ]


def test_a_name_of_two_lines_or_with_codes_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("two\nlines", "\x1b[2Jcode", "[bold]markup", "🙂"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text("objective: accuracy/val\n")
        (tmp_path / name / "dataset.json").write_text("{}")
    _, _, *rows, _, _ = listed(capsys, str(tmp_path))
    assert [row[0] for row in rows] == ["\\x1b[2Jcode", "[bold]markup", "two\\nlines", "🙂"]


@pytest.mark.parametrize(
    ("columns", "heads", "hidden"),
    [
        (
            200,
            ["run", "state", "lr", "seed", "accuracy/val", "accuracy/test", "epochs", "seconds", "age", "reason"],
            "",
        ),
        (78, ["run", "state", "lr", "seed", "accuracy/val", "accuracy/test", "age", "reason"], "seconds, epochs"),
        (60, ["run", "state", "lr", "seed", "accuracy/val", "reason"], "seconds, epochs, age, accuracy/test"),
        (50, ["run", "state", "accuracy/val", "reason"], "seconds, epochs, age, accuracy/test, seed, lr"),
    ],
)
def test_a_narrow_terminal_lacks_what_can_be_spared(
    columns: int,
    heads: list[str],
    hidden: str,
    sweep: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((columns, 24)))
    command.main([sweep], command.Arguments(group="none"))
    lines = re.sub("\x1b\\[.*?m", "", capsys.readouterr().out).splitlines()
    assert lines[0].split() == heads
    assert max(map(len, lines[:8])) <= max(columns, 72)
    assert lines[-1].startswith(f"There is no room here for {hidden};" if hidden else "6 runs: ")


def test_settings_are_sorted_by_what_is_shown_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the mean, and not by one of the seeds."""
    values = {0.1: (0.9, 0.1), 0.01: (0.6, 0.6), 0.001: (0.55, 0.5)}
    outcomes = [Outcome(value=values[lr][seed]) for seed in (0, 1) for lr in values]
    sweep = str(write_sweep(tmp_path / "means", grid({"optimizer.lr": [*values], "seed": [0, 1]}), outcomes).folder)
    for sort, order in {
        "accuracy/test": ["0.1", "0.001", "0.01"],
        "-accuracy/val": ["0.01", "0.001", "0.1"],
        "objective": ["0.01", "0.001", "0.1"],
        "-test": ["0.01", "0.001", "0.1"],
        "95 %": ["0.01", "0.001", "0.1"],
        "-lr": ["0.1", "0.01", "0.001"],
    }.items():
        _, _, *rows = listed(capsys, sweep, sort=sort, columns="lr")
        assert [row[0] for row in rows[:3]] == order, sort


def test_settings_sorted_by_number_of_seeds(sweep: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, *rows = listed(capsys, sweep, sort="-n", columns="lr,n")
    assert rows[:3] == [["0.01", "2"], ["0.1", "1"], ["0.001", "1"]]


@pytest.fixture
def tasks(tmp_path: Path) -> str:
    """Two sweeps over two learning rates on different data sets, the second one by its loss."""
    for name, lrs in (("a", (0.1, 0.2)), ("b", (0.3, 0.4))):
        settings = [{"optimizer.lr": lr, "dataset.name": name} for lr in lrs]
        if name == "b":
            settings = [{**values, "objective": "loss/val"} for values in settings]
        write_sweep(tmp_path / "tasks" / name, settings, [Outcome(value=0.8), Outcome(value=0.9)])
    return str(tmp_path / "tasks")


def test_results_that_cannot_be_compared_are_sorted_one_after_another(
    tasks: str, capsys: pytest.CaptureFixture[str]
) -> None:
    heads, _, *rows, _, _, note = listed(capsys, tasks, sort="objective", top=1)
    assert [heads.index(head) for head in ("dataset", "objective", "test")]
    shown = [[row[heads.index(head)] for head in ("lr", "dataset", "objective", "test")] for row in rows]
    assert shown == [
        ["0.2", "a", "accuracy/val 90.00%", "accuracy/test 89.00%"],
        ["0.4", "b", "loss/val 0.1000", "loss/test 0.1100"],
    ]
    assert note == [
        "Results on different data sets, or by different objectives, are not compared: each has its own order."
    ]
    heads, *_ = listed(capsys, tasks, where="objective=loss/val")
    assert "loss/val" in heads


def test_a_key_whose_last_part_is_another_column_has_its_whole_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [{"dataset.path": path, "model.n": n} for n, path in enumerate(("x", "y"))]
    sweep = str(write_sweep(tmp_path / "names", settings, [Outcome(), Outcome()]).folder)
    heads, *_ = listed(capsys, sweep)
    assert heads[2:4] == ["dataset.path", "model.n"]


def test_times(sweep: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, first, *_ = listed(capsys, sweep, columns="started,ended", where="number=0")
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", cell) for cell in first)
