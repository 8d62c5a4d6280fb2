"""scripts/benchmark.py measures what it says; how fast anything is, no test asserts."""

import json
import math
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
WORKLOADS = ["lenet on mnist, batch 64", "lenet on mnist, batch 512", "cifar10_quick on cifar10, batch 128"]


TINY = ("batches=2", "rounds=1")


@pytest.mark.data
def test_it_compares_the_runner_with_three_loops_on_each_workload(
    run_command: RunCommand, tmp_path: Path, data_dir: Path
) -> None:
    done = run_command("scripts/benchmark.py", "part=speed", *TINY, "format=json", f"data_dir={data_dir}")
    told = json.loads(done.stdout)
    assert told["facts"]["torch"]
    speed, board = told["sections"]
    assert [speed["title"], board["title"]] == ["Training speed", "The board's share of those runs"]
    assert [row["workload"] for row in speed["rows"]] == [name for name in WORKLOADS for _ in range(3)]
    assert [row["workload"] for row in board["rows"]] == WORKLOADS
    for row in speed["rows"]:
        assert row["it, images/s"] > 0
        assert math.isclose(row["ratio"], row["convboard, images/s"] / row["it, images/s"])  # there is but one round
        assert row["lowest"] == row["ratio"] == row["highest"]
    for row in board["rows"]:
        assert 0 < row["board, s"] < row["run, s"]
        assert math.isclose(row["share"], row["board, s"] / row["run, s"])
    assert list(tmp_path.iterdir()) == []  # it leaves nothing behind


@pytest.mark.data
def test_it_measures_whole_processes(run_command: RunCommand, tmp_path: Path, data_dir: Path) -> None:
    arguments = ("part=processes", *TINY, "format=markdown", f"data_dir={data_dir}")
    done = run_command("scripts/benchmark.py", *arguments)
    start, memory = (rows(table) for table in done.stdout.split("### ")[1:])
    ours, torch, imports = (float(cells[1]) for cells in start)
    assert ours > torch > 1e-3
    assert imports > torch
    assert [float(cells[2]) for cells in start] == pytest.approx([1, ours / torch, ours / imports], rel=0.02)
    assert [cells[0] for cells in memory] == [WORKLOADS[0]] * 3
    assert all(float(cells[2].replace(",", "")) > 100 for cells in memory)  # megabytes; torch alone takes more
    assert list(tmp_path.iterdir()) == []


def rows(table: str) -> list[list[str]]:
    """The cells of a table in Markdown."""
    lines = [line for line in table.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("part=sped", "part='sped' is not known. Did you mean 'speed'? Allowed: all, mnist_99, processes, speed."),
        ("format=csv", "format='csv' is not known. Allowed: json, markdown, table."),
    ],
)
def test_what_it_does_not_know_is_refused(argument: str, message: str, run_command: RunCommand) -> None:
    assert run_command("scripts/benchmark.py", argument, expected_code=2).stderr == f"convboard: {message}\n"
