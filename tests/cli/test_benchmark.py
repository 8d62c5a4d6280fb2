"""scripts/benchmark.py measures what it says; how fast anything is, no test asserts."""

import json
import math
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commands import TRAIN

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
WORKLOADS = ["lenet on mnist, batch 64", "lenet on mnist, batch 512", "cifar10_quick on cifar10, batch 128"]


TINY = ("batches=2", "rounds=1")


@pytest.mark.slow
@pytest.mark.data
def test_it_compares_the_runner_with_three_loops_on_each_workload(
    run_command: RunCommand, tmp_path: Path, data_dir: Path
) -> None:
    done = run_command("scripts/benchmark.py", "part=speed", *TINY, "format=json", f"data_dir={data_dir}")
    told = json.loads(done.stdout)  # nothing else is on stdout
    said = done.stderr.splitlines()
    begun = [f"speed {at}/6: {WORKLOADS[(at - 1) // 2]}, " for at in range(1, 7)]
    begun = [f"{line}{'round 1 of 1' if at % 2 else 'a round to warm up'}" for at, line in enumerate(begun)]
    assert [re.sub(r"; about \d+ (s|min) left$", "", line) for line in said] == begun
    assert [line.endswith(" left") for line in said] == [False] + [True] * 5
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


@pytest.mark.slow
@pytest.mark.data
def test_it_measures_whole_processes(run_command: RunCommand, tmp_path: Path, data_dir: Path) -> None:
    arguments = ("part=processes", *TINY, "format=markdown", f"data_dir={data_dir}")
    done = run_command("scripts/benchmark.py", *arguments)
    assert [line.partition(";")[0] for line in done.stderr.splitlines()] == [
        f"processes 1/4: {WORKLOADS[0]}, the loops by hand: eager, tutorial",
        f"processes 2/4: {WORKLOADS[0]}, train.py",
        "processes 3/4: import torch",
        "processes 4/4: import torch, hydra",
    ]
    start, memory = (rows(table) for table in done.stdout.split("### ")[1:])
    comm, torch, imports = (float(cells[1]) for cells in start)
    assert comm > torch > 1e-3
    assert imports > torch
    assert [float(cells[2]) for cells in start] == pytest.approx([1, comm / torch, comm / imports], rel=0.02)
    assert [cells[0] for cells in memory] == [WORKLOADS[0]] * 3
    assert all(float(cells[2].replace(",", "")) > 100 for cells in memory)  # megabytes; torch alone takes more
    assert list(tmp_path.iterdir()) == []


def rows(table: str) -> list[list[str]]:
    """The cells of a table in Markdown."""
    lines = [line for line in table.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


@pytest.mark.slow
@pytest.mark.data
def test_it_measures_beside_busy_processes(run_command: RunCommand, tmp_path: Path, data_dir: Path) -> None:
    done = run_command("scripts/benchmark.py", "part=busy", "rounds=1", "format=json", f"data_dir={data_dir}")
    (section,) = json.loads(done.stdout)["sections"]
    for row in section["rows"]:
        assert min(row[column] for column in ("idle", "beside one", "beside two", "one thread")) > 0
        assert math.isclose(row["beside one to one thread"], row["beside one"] / row["one thread"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.data
def test_it_measures_sweeps(run_command: RunCommand, tmp_path: Path, data_dir: Path) -> None:
    done = run_command("scripts/benchmark.py", "part=sweep", "quick=true", "format=json", f"data_dir={data_dir}")
    runners, many, parent, claims, pool = (section["rows"] for section in json.loads(done.stdout)["sections"])
    assert len(runners) == 4
    for row in runners:
        assert 0 < row["start, s"] < row["seconds"]
        assert 0 <= row["idle"] < 1
        assert 50 < row["MB a process"] <= row["MB together"]
    assert [row["of the bare loop"] for row in runners if row["what"].startswith("bare")] == [1]
    (one,) = many
    assert one["finished"] == one["runs"] == 20
    assert parent[0]["open files, first"] > 0
    assert (claims[0]["claimed"], claims[0]["twice"]) == (claims[0]["trials"], 0)
    assert 0 < pool[0]["share of a core"] < 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_it_measures_many_workers_and_trials(run_command: RunCommand, tmp_path: Path) -> None:
    done = run_command("scripts/benchmark.py", "part=clusters", "quick=true", "format=json")
    pools, claims, journals, configs, views, rest = (one["rows"] for one in json.loads(done.stdout)["sections"])
    assert [(row["ended"], row["twice"]) for row in pools] == [(20, 0)] * 2
    assert [(row["claimed"], row["twice"]) for row in claims] == [(40, 0)] * 2
    assert [row["trials"] for row in journals] == [row["trials"] for row in configs] == [300, 1000]
    assert all(row["entries"] > 2 * row["trials"] for row in journals)
    assert [row["workers"] for row in views] == [100, 100]
    assert rest[0]["process"] == "pool"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (
            "part=sped",
            "part='sped' is not known. Did you mean 'speed'? "
            "Allowed: all, busy, clusters, importance, layers_tab, mnist_99, processes, runs, search, speed, sweep, "
            "sweeps_tab.",
        ),
        ("format=csv", "format='csv' is not known. Allowed: json, markdown, table."),
        ("batches=-3", "batches=-3: must be at least 1, or be omitted."),
        ("rounds=0", "rounds=0: must be at least 1, or be omitted."),
        ("rounds=many", "rounds='many': must be a whole number, or null."),
        (
            "data_dir=/nope",
            "data_dir='/nope': must be a folder with MNIST and CIFAR-10, and /nope/MNIST/raw/train-images-idx3-ubyte "
            f"is missing. Another folder has it, or {TRAIN} dataset=mnist gets it.",
        ),
    ],
)
def test_what_it_does_not_know_is_refused(argument: str, message: str, run_command: RunCommand) -> None:
    done = run_command("scripts/benchmark.py", argument, expected_code=2)
    assert (done.stdout, done.stderr) == ("", f"convboard: {message}\n")


@pytest.mark.data
@pytest.mark.parametrize(
    ("part", "begun", "number", "code"),
    [("speed", "speed 2/", signal.SIGTERM, 143), ("processes", "processes 1/", signal.SIGINT, 130)],
)
def test_a_signal_ends_it_in_one_sentence(
    part: str, begun: str, number: signal.Signals, code: int, start_command: Any, tmp_path: Path, data_dir: Path
) -> None:
    arguments = (f"part={part}", "batches=2", "rounds=500", f"data_dir={data_dir}")
    command = start_command("scripts/benchmark.py", *arguments, environment={"TMPDIR": str(tmp_path)})
    end = time.monotonic() + 60
    while begun not in command.stderr.read_text():
        assert time.monotonic() < end
        time.sleep(0.05)
    os.kill(command.pid, number)
    done = command.finish()
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.splitlines()[-1] == "convboard: interrupted."
    assert all(re.match(f"{part} \\d+/", line) for line in done.stderr.splitlines()[:-1])
    assert list(tmp_path.iterdir()) == []


def test_help_says_what_each_argument_does(run_command: RunCommand) -> None:
    told = run_command("scripts/benchmark.py", "--help").stdout
    assert "Attributes" not in told
    shown = re.findall(r"^  (\S+=\S+) {2,}\S", told, re.MULTILINE)
    assert shown == [
        *("part=all", "quick=false", "lightning=false", "rounds=null", "batches=null"),
        *("format=table", "data_dir=data"),
    ]
