"""What is told at the end of a sweep."""

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from convboard.results.sweep_report import print_report
from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.sweep_folder import Sweep
from sweep_records import ended_sweep
from synthetic_sweep import Outcome, grid, write_sweep


def told(sweep: Sweep, width: int | None = None) -> list[str]:
    """The lines that are printed: into a pipe, or into a terminal of a width."""
    console = Console(
        file=io.StringIO(),
        width=width or 80,
        force_terminal=width is not None,
        soft_wrap=True,
        highlight=False,
        markup=False,
        record=True,
    )
    print_report(sweep, console)
    return [line.rstrip() for line in console.export_text().splitlines() if line.strip()]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["train.py"])
    monkeypatch.delenv("UV", raising=False)


def test_the_ranking_and_what_the_seeds_leave_open(tmp_path: Path) -> None:
    sweep = ended_sweep(tmp_path / "it", {"0.1": [0.8, 0.9], "0.01": [0.81, 0.85], "0.001": [0.1, 0.11]})
    lines = [" ".join(line.split()) for line in told(sweep) if "──" not in line]
    assert lines == [
        "ranking",
        "lr accuracy/val seeds accuracy/test best trial",
        "1 0.1 85.00% ± 7.07% 2 42.50% 1",
        "2 0.01 83.00% ± 2.83% 2 41.50% 3",
        "3 0.001 10.50% ± 0.71% 2 5.25% 5",
        "note: 1 setting is less than two standard errors behind the best: more seeds would tell them apart",
        "best: it/lr=0.1,seed=1",
        "repeat it: python train.py optimizer.lr=0.1",
        "look at it: tensorboard --logdir it",
    ]


def test_many_settings_and_many_failures_are_not_all_told(tmp_path: Path) -> None:
    values: dict[str, list[float | None]] = {str(lr): [lr / 100 if lr % 2 else None] for lr in range(30)}
    lines = told(ended_sweep(tmp_path / "it", values))
    assert lines[:3] == [
        "failed:     #0 optimizer.lr=0 seed=0: ValueError: no",
        "            log:   it/lr=0,seed=0/log.txt",
        "            alone: python train.py optimizer.lr=0",
    ]
    assert lines[30:32] == ["failed too: #20, #22, #24, #26, #28", "the best 10 of 15 settings"]
    assert lines[32].split() == ["lr", "accuracy/val", "accuracy/test", "trial"]
    assert lines[34].split() == ["1", "29", "29.00%", "14.50%", "29"]
    assert sum("%" in line for line in lines) == 10


def test_a_narrow_terminal_shows_places_values_and_the_objective(tmp_path: Path) -> None:
    lines = told(ended_sweep(tmp_path / "it", {"0.125": [0.8, 0.9], "0.0625": [0.81, 0.85]}), width=44)
    assert [" ".join(line.split()[:5]) for line in lines if line.startswith(("1 ", "2 "))] == [
        "1 0.125 85.00% ± 7.07%",
        "2 0.0625 83.00% ± 2.83%",
    ]


def test_nothing_to_rank(tmp_path: Path) -> None:
    assert told(ended_sweep(tmp_path / "it", {"1": [None]}))[-1] == "look at it: tensorboard --logdir it"


def test_a_result_without_the_metric_is_left_out(tmp_path: Path) -> None:
    sweep = ended_sweep(tmp_path / "it", {"1": [0.8], "2": [0.9]})
    result = {"status": "finished", "best_epoch": 1, "metrics": {"loss/val": 1.0}}
    (tmp_path / "it" / sweep.trials[1].folder / "result.json").write_text(json.dumps(result))
    assert "best:       it/lr=1,seed=0" in told(sweep)


def test_escape_codes_in_names_do_not_reach_the_terminal(tmp_path: Path) -> None:
    lines = told(ended_sweep(tmp_path / "it\x1b[2J", {"1": [0.8], "\x1b[31m2": [None]}))
    assert not [line for line in lines if "\x1b" in line]
    assert r"            log:   it\x1b[2J/lr=\x1b[31m2,seed=0/log.txt" in lines


def test_a_sweep_over_seeds_alone_has_one_result(tmp_path: Path) -> None:
    sweep = ended_sweep(tmp_path / "it", {"0.1": [0.8, 0.9]})
    trials = [replace(trial, swept={"seed": trial.swept["seed"]}) for trial in sweep.trials]
    alone = Sweep.create(tmp_path / "alone", replace(sweep.record, swept=("seed",)), trials)
    sweep.journal.folder.rename(tmp_path / "moved")
    shutil.rmtree(alone.journal.folder)
    (tmp_path / "moved").rename(alone.journal.folder)
    for trial in trials:
        (sweep.folder / trial.folder).rename(alone.folder / trial.folder)
    lines = told(Sweep.open(alone.folder))
    assert lines[0] == "result:     accuracy/val 85.00% ± 7.07%, accuracy/test 42.50% (mean over 2 seeds)"
    assert lines[1].startswith("best: ")


def test_what_was_pruned_or_has_failed_can_be_gone_further_with(tmp_path: Path) -> None:
    sweep = ended_sweep(tmp_path / "it", {"0.1": [0.8], "0.01": [None]})
    (added,) = sweep.trials.add([replace(sweep.trials[0], swept={"optimizer.lr": "1"}, folder="x")])
    sweep.journal.claim("w", [added.number])
    sweep.journal.append(added.number, Entry(State.PRUNED, value=0.1, epochs=1))
    assert told(sweep)[-3:] == [
        "try again:  python train.py -m sweep.resume=it",
        "go further: python train.py -m sweep.resume=it sweep.promote=2",
        "look at it: tensorboard --logdir it",
    ]


def test_each_data_set_has_a_ranking_of_its_own(tmp_path: Path) -> None:
    settings = grid({"dataset.name": ["a", "b"], "optimizer.lr": [0.1, 0.2]})
    sweep = write_sweep(tmp_path / "it", settings, [Outcome(value=value) for value in (0.8, 0.9, 0.99, 0.98)])
    lines = [" ".join(line.split()) for line in told(sweep) if "──" not in line]
    assert lines == [
        "ranking on a",
        "lr accuracy/val accuracy/test trial",
        "1 0.2 90.00% 89.00% 1",
        "2 0.1 80.00% 79.00% 0",
        "best: it/dataset.name=a,optimizer.lr=0.2",
        "repeat it: python train.py dataset.name=a optimizer.lr=0.2",
        "ranking on b",
        "lr accuracy/val accuracy/test trial",
        "1 0.1 99.00% 98.00% 2",
        "2 0.2 98.00% 97.00% 3",
        "best: it/dataset.name=b,optimizer.lr=0.1",
        "repeat it: python train.py dataset.name=b optimizer.lr=0.1",
        "look at it: tensorboard --logdir it",
    ]


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (None, "lr momentum accuracy/val seeds accuracy/test pruned after best trial"),  # a file has room for all
        (80, "lr momentum accuracy/val seeds accuracy/test best trial"),
        (60, "lr momentum accuracy/val seeds best trial"),
        (50, "lr momentum accuracy/val best trial"),
        (36, "lr momentum accuracy/val"),
    ],
)
def test_no_column_of_results_is_cut(tmp_path: Path, width: int | None, heads: str) -> None:
    settings = grid({"optimizer.lr": [0.1, 0.01], "optimizer.momentum": [0.9], "seed": [1, 2]})
    outcomes = [Outcome(value=0.9), Outcome(State.PRUNED, 0.5, epochs=2), Outcome(value=0.8), Outcome(State.PRUNED)]
    lines = told(write_sweep(tmp_path / "it", settings, outcomes), width)
    assert " ".join(lines[1].split()) == heads
    assert not [line for line in lines[:6] if "…" in line]


def test_the_keys_that_mattered_in_a_search_are_said_with_the_method(tmp_path: Path) -> None:
    settings = [{"optimizer.lr": 10**-number, "batch_size": 8 + number} for number in range(12)]
    lines = told(write_sweep(tmp_path / "it", settings, [Outcome(value=0.5 + n / 100) for n in range(12)]))
    (line,) = (line for line in lines if line.startswith("mattered:"))
    assert line.endswith("(share of the variance between settings, by fANOVA)")
