"""The parts of the benchmark: each measures, and gives its tables."""

from dataclasses import replace
from statistics import median

from benchmarking.processes import TORCH, TORCH_OPTIM_HYDRA, Process, Runs
from benchmarking.progress import Progress
from benchmarking.tables import Cell, Section
from benchmarking.workloads import WORKLOADS, Workload

ACCURACY = 0.99
SEEDS = 5
ENOUGH = 100  # batches, for memory: after those it no longer grows
EAGER, TUTORIAL = "eager", "tutorial"  # as `alone` calls them


def processes(data_dir: str, rounds: int, most_batches: int | None = None) -> list[Section]:
    """Start-up and memory. To be measured before anything has imported torch; see `benchmarking.processes`.

    Args:
        data_dir: Where the data lie.
        rounds: How often start-up is measured.
        most_batches: Batches to train on, at most; where it is given, the memory of the first workload is enough.
    """
    workload, last = WORKLOADS[0], WORKLOADS[-1]
    progress = Progress("processes", [1] * (3 * rounds + (1 if most_batches else 3)))
    run = Runs(data_dir, min(most_batches or ENOUGH, ENOUGH), progress)
    contenders = run.contenders(workload, (EAGER, TUTORIAL))
    comm, torch, imports = [], [], []
    for _ in range(rounds):
        comm.append(run.convboard(workload))
        torch.append(run.imports(TORCH))
        imports.append(run.imports(TORCH_OPTIM_HYDRA))
    memory = _peaks(workload, comm[0].peak_bytes, contenders)
    if most_batches is None:
        contenders = run.contenders(last, (EAGER, TUTORIAL))
        memory += _peaks(last, run.convboard(last).peak_bytes, contenders)
    start = [
        _start_row(f"`train.py`, {workload.name}, to its first step", comm, comm),
        _start_row("`import torch`", torch, comm),
        _start_row("`import torch, hydra`, and an optimizer of torch.optim", imports, comm),
    ]
    return [
        Section("Start-up", {"what": "", "seconds": ".2f", "ratio": ".2f"}, start),
        Section("Peak memory of the process", {"workload": "", "contender": "", "MB": ",.0f"}, memory),
    ]


def _start_row(what: str, taken: list[Process], comm: list[Process]) -> dict[str, Cell]:
    ratios = [our.seconds / its.seconds for our, its in zip(comm, taken, strict=True)]
    return {"what": what, "seconds": median(process.seconds for process in taken), "ratio": median(ratios)}


def _peaks(workload: Workload, comm: int, contenders: dict[str, int]) -> list[dict[str, Cell]]:
    named = {
        "convboard, default board": comm,
        "bare loop, eager fp32 NCHW": contenders[EAGER],
        "tutorials' DataLoader loop": contenders[TUTORIAL],
    }
    return [
        {"workload": workload.name, "contender": name, "MB": peak_bytes / 1e6} for name, peak_bytes in named.items()
    ]


def speed(data_dir: str, rounds: int, most_batches: int | None = None) -> list[Section]:
    """Images per second and the board's share, of all workloads.

    Args:
        data_dir: Where the data lie.
        rounds: That count.
        most_batches: Batches of a turn, at most.
    """
    from benchmarking.speed import measure_speed

    speeds: list[dict[str, Cell]] = []
    shares: list[dict[str, Cell]] = []
    workloads = [replace(full, batches=min(most_batches or full.batches, full.batches)) for full in WORKLOADS]
    turns = [workload.batches / full.batches for workload, full in zip(workloads, WORKLOADS, strict=True)]
    progress = Progress("speed", [turn for turn in turns for _ in range(rounds + 1)])
    for workload in workloads:
        measured = measure_speed(workload, data_dir, rounds, progress)
        for contender in measured.others:
            ratios = measured.ratios(contender)
            speeds.append(
                {
                    "workload": workload.name,
                    "against": contender,
                    "convboard, images/s": median(measured.comm),
                    "it, images/s": median(measured.others[contender]),
                    "ratio": median(ratios),
                    "lowest": min(ratios),
                    "highest": max(ratios),
                }
            )
        shares.append(
            {
                "workload": workload.name,
                "plan": measured.plan,
                "run, s": measured.run_seconds,
                "board, s": measured.board_seconds,
                "share": measured.board_seconds / measured.run_seconds,
            }
        )
    rates = {"convboard, images/s": ",.0f", "it, images/s": ",.0f"}
    ratios_of = {"ratio": ".2f", "lowest": ".2f", "highest": ".2f"}
    seconds = {"run, s": ".1f", "board, s": ".2f"}
    return [
        Section("Training speed", {"workload": "", "against": "", **rates, **ratios_of}, speeds),
        Section("The board's share of those runs", {"workload": "", "plan": "", **seconds, "share": ".1%"}, shares),
    ]


def mnist_99(data_dir: str) -> list[Section]:
    """Seconds to 99 % on MNIST."""
    from benchmarking.accuracy import run_preset, run_tutorial

    preset = run_preset(data_dir, SEEDS)
    recipes = {
        f"`experiment=mnist_99`, {SEEDS} seeds": preset,
        "LeNet by PyTorch's MNIST example, one seed": run_tutorial(data_dir, 1, ACCURACY),
    }
    rows: list[dict[str, Cell]] = [
        {
            "recipe": name,
            "test accuracy, mean": recipe.mean_accuracy,
            "lowest": min(recipe.accuracies),
            "epochs": max(recipe.epochs),
            "seconds, mean": recipe.mean_seconds,
            "convboard is times as fast": recipe.mean_seconds / preset.mean_seconds,
        }
        for name, recipe in recipes.items()
    ]
    formats = {
        "recipe": "",
        "test accuracy, mean": ".2%",
        "lowest": ".2%",
        "epochs": ".0f",
        "seconds, mean": ".1f",
        "convboard is times as fast": ".1f",
    }
    return [Section("Seconds to 99 % on MNIST", formats, rows)]
