"""How fast convboard is, as ratios measured side by side on this machine: `python scripts/benchmark.py`."""

from dataclasses import dataclass
from pathlib import Path

from benchmarking import parts, tab, tables
from convboard.cli import frame
from convboard.cli.arguments import read_arguments
from convboard.config.command_line import command
from convboard.errors import ConfigError, nearest
from convboard.experiment.environment import describe_environment
from convboard.training.signals import raising

DATA = {"mnist": "MNIST/raw/train-images-idx3-ubyte", "cifar10": "cifar-10-batches-py/data_batch_1"}
PARTS = ("all", "processes", "speed", "mnist_99", "layers_tab")
STYLES = ("table", "markdown", "json")
TOLD = ("processor", "system", "python", "torch", "torchvision", "tensorboard", "git commit")


@dataclass
class Arguments:
    """Measure how fast convboard is, beside loops as one writes them by hand, and print tables.

    The figures to look at are the ratios: what they compare is measured by turns, in one run, on this machine. What is
    being measured, and how long it will still take, is told on stderr. On two cores of an AMD EPYC that nothing else
    used, `processes` took 98 s, `speed` 103 s, and `mnist_99` 72 s. docs/measurements.md says how it is measured.

    Attributes:
        part: What is measured: `processes` (seconds to the first step, and memory), `speed` (images per second, and
            the board's share), `all` (both of them), `mnist_99` (seconds to 99 % on MNIST, beside PyTorch's MNIST
            example; quick, rounds and batches mean nothing to it), or `layers_tab` (the tab in TensorBoard over 200
            runs: seconds until it is open, and its frames while one points at units; needs Chromium).
        quick: A first impression, as with rounds=1 batches=40.
        rounds: How often each contender has its turn, after one turn to warm up; the median is told. null is 3.
        batches: At most so many batches in a turn. null is some seconds' worth.
        format: `table`, `markdown` or `json`.
        data_dir: The folder with MNIST and CIFAR-10, as train.py downloads them.
    """

    part: str = "all"
    quick: bool = False
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
    if arguments.part == "layers_tab":
        sections += tab.layers_tab(data_dir, rounds)
    environment = describe_environment("")
    tables.show(sections, {name: environment[name] for name in TOLD}, arguments.format)


def _checked_data(folder: Path, arguments: Arguments) -> str:
    """The folder, if it has the data: a download would be measured as well.

    Raises:
        ConfigError: It has not.
    """
    for name, file in DATA.items():
        if not (folder / file).exists() and (name == "mnist" or arguments.part not in ("mnist_99", "layers_tab")):
            raise ConfigError(
                f"data_dir={arguments.data_dir!r}: must be a folder with MNIST and CIFAR-10, and {folder / file} is "
                f"missing. Another folder has it, or {command('train', f'dataset={name}')} gets it."
            )
    return str(folder)


if __name__ == "__main__":
    frame.run(main)
