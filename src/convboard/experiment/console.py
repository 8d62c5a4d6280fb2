"""Console output of a run before its first step and after its last one."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from convboard.config.command_line import tensorboard

if TYPE_CHECKING:
    from torch import nn

    from convboard.data.dataset import ImageDataset
    from convboard.training.execution_plan.choose_plan import PlanChoice


class Report:
    """The first and the last lines of a run's output. `training.progress` prints the epochs between them."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)

    def begin(
        self, name: str, model: "nn.Module", dataset: "ImageDataset", choice: "PlanChoice", run_dir: Path
    ) -> None:
        """Print the network, the data, the device, the plan and the run directory."""
        parameters = sum(parameter.numel() for parameter in model.parameters())
        channels, height, width = dataset.image_shape
        sizes = " / ".join(f"{len(split):,}" for split in (dataset.train, dataset.val, dataset.test))
        self._say("network", f"{name}, {parameters:,} parameters")
        self._say("data", f"{dataset.name}, {channels}x{height}x{width}, {dataset.num_classes:,} classes")
        self._say("images", f"{sizes} to train / val / test")
        for label, text in dataset.remarks:
            self._say(label, text)
        self._say("device", choice.chosen)
        self._say("plan", choice.describe())
        self._say("run", _shown(run_dir))

    def resumed(self, epochs: int, steps: int) -> None:
        """Print where the run was resumed."""
        self.console.print(f"resumed after {counted(epochs, 'epoch')}, {counted(steps, 'step')}")

    def end(self, metrics: dict[str, float], best_epoch: int, epochs: int, seconds: float, run_dir: Path) -> None:
        """Print the metrics of the best epoch, the run directory, and the command that shows it."""
        self.console.print()
        self.console.print(metrics_table(metrics, f"epoch {best_epoch} of {epochs}, the best on val"))
        self._say("time", f"{seconds:.1f} s of training and evaluation")
        self._say("run", _shown(run_dir))
        self._say("look at it", tensorboard(_logdir(run_dir)), "bold")

    def _say(self, what: str, text: str, style: str = "") -> None:
        """Print one line: a label of 12 columns and a text, which is not wrapped."""
        self.console.print(Text.assemble((f"{what + ':':<12}", "dim"), (text, style)))


def counted(number: int, noun: str) -> str:
    """Return a number with a noun: `1 epoch`, `2 epochs`, `1,000 epochs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def metrics_table(metrics: dict[str, float], title: str) -> Table:
    """Return a table of accuracy and loss on val and test, from metrics by tag."""
    table = Table(title=title, title_justify="left")
    table.add_column("")
    table.add_column("val", justify="right")
    table.add_column("test", justify="right")
    table.add_row("accuracy", f"{metrics['accuracy/val']:.2%}", f"{metrics['accuracy/test']:.2%}")
    table.add_row("loss", f"{metrics['loss/val']:.4f}", f"{metrics['loss/test']:.4f}")
    return table


def _shown(path: Path) -> str:
    """Return `path`, relative to the current folder if it is below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _logdir(run_dir: Path) -> str:
    """Return the folder for `tensorboard --logdir`: `outputs`, or the run's own directory if it is elsewhere."""
    shown = _shown(run_dir)
    return "outputs" if shown.startswith("outputs/") else shown
