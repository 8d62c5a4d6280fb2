"""How fast convboard is, as ratios measured side by side on this machine: `python scripts/benchmark.py`."""

from dataclasses import dataclass
from pathlib import Path

from benchmarking import busy, clusters, importance, parts, runs, search, sweep, sweeps_tab, tab, tables
from convboard.cli import frame
from convboard.cli.arguments import read_arguments
from convboard.config.command_line import command
from convboard.errors import ConfigError, nearest
from convboard.experiment.environment import describe_environment
from convboard.training.signals import raising

DATA = {"mnist": "MNIST/raw/train-images-idx3-ubyte", "cifar10": "cifar-10-batches-py/data_batch_1"}
TABS = ("layers_tab", "sweeps_tab")
PARTS = ("all", "processes", "speed", "mnist_99", "busy", "sweep", "clusters", "search", "runs", "importance", *TABS)
NEED_NOTHING = ("clusters", "search", "runs", "importance", "sweeps_tab")
NEED_MNIST = ("mnist_99", "layers_tab", "sweep")  # alone
STYLES = ("table", "markdown", "json")
TOLD = ("processor", "system", "python", "torch", "torchvision", "tensorboard", "git commit")


@dataclass
class Arguments:
    """Measure how fast convboard is, compared with hand-written loops, and print tables.

    Compare the ratios: both sides of a ratio are measured in turns, in one run, on this machine. Progress and the
    remaining time are printed to stderr. On two idle cores of an AMD EPYC, `processes` took 98 s, `speed` 103 s, and
    `mnist_99` 72 s. docs/measurements.md describes the measurements.

    Attributes:
        part: `processes` (seconds to the first step, and memory), `speed` (images per second, and the board's share),
            `all` (both), `mnist_99` (seconds to 99 % on MNIST, compared with PyTorch's MNIST example; quick, rounds and
            batches are ignored), `busy` (seconds of short runs beside no, one and two other processes that compute),
            `sweep` (16 short runs by the pool and in other ways, 1,000 runs, and 64 workers on one folder; rounds and
            batches are ignored), `clusters` (many workers and very many trials, which do nothing; rounds and batches
            are ignored), `search` (what a proposal of a search costs), `runs` (seconds in which many runs are
            listed), `importance` (how exact the importance of a key is in a search, with and without Optuna),
            `layers_tab` (the tab in TensorBoard with 200 runs: seconds until it is open, and its frames while the mouse
            moves over units; needs Chromium), or `sweeps_tab` (the same of that tab with 200 and 1,000 runs).
        quick: A first impression, as with rounds=1 batches=40.
        lightning: Also train the 16 runs of `sweep` with Lightning, which is installed into a temporary folder.
        rounds: Number of measured rounds after one warm-up round; the median is reported; null: 3.
        batches: Largest number of batches in a round; null: as many as take a few seconds.
        format: `table`, `markdown` or `json`.
        data_dir: Folder with MNIST and CIFAR-10, as train.py downloads them.
    """

    part: str = "all"
    quick: bool = False
    lightning: bool = False
    rounds: int | None = None
    batches: int | None = None
    format: str = "table"
    data_dir: str = "data"

    def __post_init__(self) -> None:
        for key, value, allowed in (("part", self.part, PARTS), ("format", self.format, STYLES)):
            if value not in allowed:
                raise ConfigError(f"{key}={value!r} is not known. {nearest(value, allowed)}")
        for key, number in (("rounds", self.rounds), ("batches", self.batches)):
            if number is not None and number < 1:
                raise ConfigError(f"{key}={number}: must be at least 1, or be omitted.")


def main() -> None:
    """Measure and print."""
    arguments = read_arguments(Arguments, "benchmark")
    with raising():  # so that what it has started is ended
        _measure(arguments)


def _measure(arguments: Arguments) -> None:
    data_dir = _checked_data(Path(arguments.data_dir).resolve(), arguments)
    rounds = arguments.rounds or (1 if arguments.quick else 3)
    batches = arguments.batches or (40 if arguments.quick else None)
    sections: list[tables.Section] = []
    if arguments.part in ("all", "processes"):  # first, see there
        sections += parts.processes(data_dir, rounds, batches)
    if arguments.part in ("all", "speed"):
        sections += parts.speed(data_dir, rounds, batches)
    if arguments.part == "mnist_99":
        sections += parts.mnist_99(data_dir)
    if arguments.part == "busy":
        sections += busy.busy(data_dir, rounds)
    if arguments.part == "sweep":
        sections += sweep.sweep(data_dir, arguments.quick, arguments.lightning)
    if arguments.part == "clusters":
        sections += clusters.clusters(arguments.quick)
    if arguments.part == "search":
        sections += search.search(rounds)
    if arguments.part == "runs":
        sections += runs.runs(rounds)
    if arguments.part == "importance":
        sections += importance.importance(rounds)
    if arguments.part == "layers_tab":
        sections += tab.layers_tab(data_dir, rounds)
    if arguments.part == "sweeps_tab":
        sections += sweeps_tab.sweeps_tab(rounds)
    environment = describe_environment("")
    tables.show(sections, {name: environment[name] for name in TOLD}, arguments.format)


def _checked_data(folder: Path, arguments: Arguments) -> str:
    """The folder, if it has the data: a download would be measured as well.

    Raises:
        ConfigError: It has not.
    """
    for name, file in DATA.items() if arguments.part not in NEED_NOTHING else ():
        if not (folder / file).exists() and (
            name == "mnist" or arguments.part not in ("mnist_99", "layers_tab", "sweep")
        ):
            raise ConfigError(
                f"data_dir={arguments.data_dir!r}: must be a folder with MNIST and CIFAR-10, and {folder / file} is "
                f"missing. Another folder has it, or {command('train', f'dataset={name}')} gets it."
            )
    return str(folder)


if __name__ == "__main__":
    frame.run(main)
