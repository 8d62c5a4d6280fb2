"""Console output of a run before its first step and after its last one."""

import os
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rich.console import Console
from rich.table import Table
from rich.text import Text

from convboard.config.command_line import format_value, printable, tensorboard
from convboard.experiment.run_files import CONFIG

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convboard.anatomy.diagnostics.training_warning import TrainingWarning
    from convboard.config.schema import TrainConfig
    from convboard.data.dataset import ImageDataset
    from convboard.training.execution_plan.choose_plan import PlanChoice
    from convboard.training.training_setup import TrainingSetup

_MOST_TICKED = 40  # runs that TensorBoard shows without being asked


class Report:
    """The first and the last lines of a run's output. `training.progress` prints the epochs between them."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)

    def begin(
        self,
        config: "TrainConfig",
        setup: "TrainingSetup",
        dataset: "ImageDataset",
        choice: "PlanChoice",
        run_dir: Path,
    ) -> None:
        """Print the network, the data, the optimizer and its schedule, the device, the plan and the run directory."""
        parameters = sum(parameter.numel() for parameter in setup.model.parameters())
        channels, height, width = dataset.image_shape
        sizes = " / ".join(f"{len(split):,}" for split in (dataset.train, dataset.val, dataset.test))
        self._say("network", f"{config.model_class}, {parameters:,} parameters")
        self._say("data", f"{dataset.name}, {channels}x{height}x{width}, {dataset.num_classes:,} classes")
        self._say("images", f"{sizes} to train / val / test")
        for label, text in dataset.remarks:
            self._say(label, text)
        self._say("optimizer", _described({"lr": setup.optimizer.defaults.get("lr"), **config.optimizer}))
        self._say("schedule", _described(config.scheduler) + _warm_up_note(config))
        self._say("device", choice.chosen)
        self._say("plan", choice.describe())
        self._say("run", shown_path(run_dir))

    def warn(self, warnings: "Iterable[TrainingWarning]") -> None:
        """Print what is wrong with a network although it can be trained."""
        for warning in warnings:
            self._say(
                "note" if warning.is_harmless else "warning", str(warning), "" if warning.is_harmless else "yellow"
            )

    def resumed(self, epochs: int, steps: int, most_epochs: int, is_finished: bool) -> None:
        """Print where the run was resumed, and of a finished one that it is only tested again.

        Args:
            epochs: Number of epochs that the run has trained.
            steps: Number of steps that it has trained.
            most_epochs: Its `max_epochs`.
            is_finished: Whether no epoch is left to train.
        """
        self.console.print(f"resumed after {counted(epochs, 'epoch')}, {counted(steps, 'step')}")
        if is_finished and epochs >= most_epochs:
            self.console.print(
                f"The run has finished its {counted(epochs, 'epoch')}, and is only tested again. "
                "trainer.max_epochs=<more> trains it further."
            )
        elif is_finished:
            self.console.print("The run was ended by trainer.patience, and is only tested again.")

    def end(self, metrics: dict[str, float], best_epoch: int, epochs: int, seconds: float, run_dir: Path) -> None:
        """Print the metrics of the best epoch, the run directory, and how to look at it in TensorBoard."""
        self.console.print()
        self.console.print(metrics_table(metrics, f"epoch {best_epoch} of {epochs}, the best on val"))
        self._say("time", f"{seconds:.1f} s of training and evaluation")
        self._say("run", shown_path(run_dir))
        logdir = _logdir(run_dir)
        self._say("layers", _layers_page(run_dir, logdir))
        if _has_many_runs(logdir):
            note = f"TensorBoard shows no curves of more than {_MOST_TICKED} runs until you tick them"
            self._say("only this", f"{tensorboard(shown_path(run_dir))}   ({note})")
        self._say("look at it", tensorboard(logdir), "bold")

    def _say(self, what: str, text: str, style: str = "") -> None:
        """Print one line: a label of 12 columns and a text, which is not wrapped."""
        self.console.print(Text.assemble((f"{what + ':':<12}", "dim"), (printable(text), style)))


def _described(node: dict[str, Any]) -> str:
    """Return a class and its arguments: `SGD, lr=0.02, momentum=0.9`."""
    from convboard.config.schema import class_name  # deferred for start-up time: it imports Hydra

    arguments = (f"{key}={format_value(value)}" for key, value in node.items() if key != "_target_")
    return ", ".join([class_name(node["_target_"]), *arguments])


def _warm_up_note(config: "TrainConfig") -> str:
    """Return what to say of a warm-up that the run does not get to the end of; usually nothing."""
    warm_up, most = config.scheduler.get("warmup_epochs"), config.trainer.max_epochs
    if not isinstance(warm_up, int | float) or warm_up <= most:
        return ""
    return f". The warm-up is longer than the run of {counted(most, 'epoch')}: it ends below the learning rate lr"


def counted(number: int, noun: str) -> str:
    """Return a number with a noun: `1 epoch`, `2 epochs`, `1,000 epochs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def metrics_table(metrics: dict[str, float], title: str) -> Table:
    """Return a table of accuracy and loss on val and test, from metrics by tag."""
    from convboard.training.progress import loss_text  # deferred for start-up time: it imports torch

    table = Table(title=title, title_justify="left")
    table.add_column("")
    table.add_column("val", justify="right")
    table.add_column("test", justify="right")
    table.add_row("accuracy", f"{metrics['accuracy/val']:.2%}", f"{metrics['accuracy/test']:.2%}")
    table.add_row("loss", loss_text(metrics["loss/val"]), loss_text(metrics["loss/test"]))
    return table


def shown_path(path: Path) -> str:
    """Return `path`, relative to the current folder if it is below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _logdir(run_dir: Path) -> str:
    """Return the folder for `tensorboard --logdir`.

    That is `outputs`, of a job of a sweep the folder of the sweep, and the run's own directory if it is elsewhere.
    """
    shown = shown_path(run_dir)
    parts = Path(shown).parts
    if parts[:2] == ("outputs", "sweeps") and len(parts) > 3:
        return str(Path(*parts[:3]))
    return "outputs" if shown.startswith("outputs/") else shown


def _layers_page(run_dir: Path, logdir: str) -> str:
    """Return the address of the run in the Layers tab, while TensorBoard runs on `logdir` with its usual port."""
    name = os.path.relpath(run_dir, logdir)  # the name that TensorBoard gives the run
    return f"http://localhost:6006/#layers&p.layers.run={quote(name, safe='')}"


def _has_many_runs(logdir: str) -> bool:
    """Return whether a folder has more runs than TensorBoard shows without being asked."""
    runs = chain(Path(logdir).glob(f"*/{CONFIG}"), Path(logdir).glob(f"*/*/*/{CONFIG}"))
    return len(list(islice(runs, _MOST_TICKED + 1))) > _MOST_TICKED
