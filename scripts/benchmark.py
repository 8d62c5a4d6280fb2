"""How fast convboard is, as ratios measured side by side on this machine: `python scripts/benchmark.py`."""

from dataclasses import dataclass
from pathlib import Path

from benchmarking import parts, tables
from convboard import entry
from convboard.environment import describe_environment
from convboard.errors import ConfigError, nearest

PARTS = ("all", "processes", "speed", "mnist_99")
STYLES = ("table", "markdown", "json")
TOLD = ("processor", "system", "python", "torch", "torchvision", "tensorboard", "git commit")


@dataclass
class Arguments:
    """What the command takes.

    Attributes:
        part: `processes` (start-up and memory), `speed` (images per second and the board's share), `all` for both; or
            `mnist_99` (seconds to 99 % beside PyTorch's MNIST example).
        quick: Few rounds of short turns, for a first impression.
        rounds: How often each contender has its turn; of what it then takes, the median is told.
        batches: Batches of a turn, at most; null: some seconds' worth.
        format: `table`, `markdown` or `json`.
        data_dir: Where MNIST and CIFAR-10 lie.
    """

    part: str = "all"
    quick: bool = False
    rounds: int = 3
    batches: int | None = None
    format: str = "table"
    data_dir: str = "data"


def main() -> None:
    """Measure and print."""
    arguments = entry.arguments(Arguments)
    for key, value, allowed in (("part", arguments.part, PARTS), ("format", arguments.format, STYLES)):
        if value not in allowed:
            raise ConfigError(f"{key}={value!r} is not known. {nearest(value, allowed)}")
    rounds, most = (1, 40) if arguments.quick else (arguments.rounds, arguments.batches)
    data_dir = str(Path(arguments.data_dir).resolve())
    sections: list[tables.Section] = []
    if arguments.part in ("all", "processes"):  # first, see there
        sections += parts.processes(data_dir, rounds, most)
    if arguments.part in ("all", "speed"):
        sections += parts.speed(data_dir, rounds, most)
    if arguments.part == "mnist_99":
        sections += parts.mnist_99(data_dir)
    environment = describe_environment("")
    tables.show(sections, {name: environment[name] for name in TOLD}, arguments.format)


if __name__ == "__main__":
    with entry.command():
        main()
