"""The callback that writes a run's TensorBoard data."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from convboard.anatomy.diagnostics.training_warning import TrainingWarning
from convboard.anatomy.module_paths import named_parameters
from convboard.anatomy.summary import summarise
from convboard.anatomy.table import format_table
from convboard.board import hparams, markdown, tags
from convboard.board.event_copy import DamagedEventsError
from convboard.board.event_file import EventFile
from convboard.board.histograms import histogram_values
from convboard.board.hparams import SweepRow
from convboard.board.layer_stats import gradient_norms
from convboard.board.network_figures import NetworkFigures
from convboard.board.parts import Parts
from convboard.board.scalars import Point, TrainingCurves, point_interval
from convboard.board.summaries import Value, network, scalar, text, train_over_val
from convboard.data.dataset import ImageDataset
from convboard.errors import ConvboardError, RunError
from convboard.training.callbacks import Callback, EpochEnd, FitEnd, FitStart, Step

_log = logging.getLogger(__name__)


def is_due(epoch: int, *, is_last: bool = False) -> bool:
    """Return whether figures are drawn after this epoch: 0 (untrained), 1, 2, 4, 8 and so on, and the last."""
    return is_last or epoch & (epoch - 1) == 0


class Board(Callback):
    """A writer of a run to one event file in its directory. It does not affect the run.

    A part that cannot be drawn does not end the run: the Text tab gives the reason, and the failure is logged.

    Args:
        run_dir: Folder of the event file.
        dataset: The data set of the run.
        level: `minimal`: curves, texts, the HParams row and the network's record for the Layers tab; `default`: also
            graph, figures, histograms and the curves of each layer; `full`: also precision-recall curves and the
            embedding projector.
        config: The run's config, nested plain dictionaries.
        environment: Versions, device and the like, by name.
        row: What is known of the sweep of the run, for the HParams tab.
        plan: The execution plan, the reasons for it and the measured alternatives, by name; None: not shown.
        warnings: What is wrong with the network although it can be trained; may grow during the run.
        scalar_every: Steps between two points of a curve; None: about 200 points per run, at most 50 steps apart.
        max_channels: Channels of each layer whose feature maps are drawn.
    """

    def __init__(
        self,
        run_dir: Path,
        dataset: ImageDataset,
        *,
        level: str,
        config: Mapping[str, Any],
        environment: Mapping[str, str],
        row: SweepRow = hparams.ALONE,
        plan: Mapping[str, str] | None = None,
        warnings: Sequence[TrainingWarning] = (),
        scalar_every: int | None = None,
        max_channels: int = 16,
    ) -> None:
        self._run_dir = run_dir
        self._dataset = dataset
        self._level = level
        self._config = config
        self._environment = environment
        self._row = row
        self._plan = plan
        self._warnings = warnings
        self._warnings_written = 0
        self._record: dict[str, Any] = {}  # of the network, for the Layers tab; empty until it is written
        self._scalar_every = scalar_every
        self._max_channels = max_channels
        self._resumed: dict[str, Any] | None = None
        self._is_open = False
        self._gradients: dict[str, Tensor] = {}  # by parameter, of the epoch's last step

    def on_fit_start(self, start: FitStart) -> None:
        """Open the event file, and write the description of the run and the figures of the untrained network."""
        self._start = start
        every = self._scalar_every or point_interval(start.max_epochs * start.steps_per_epoch)
        self._curves = TrainingCurves(every, start.model.parameters())
        if self._level != "minimal":
            is_full = self._level == "full"
            self._figures = NetworkFigures(
                start.model, start.device, self._dataset, self._max_channels, is_full=is_full
            )
        try:
            if self._resumed is not None and self._continue(self._resumed, start):
                return
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            if isinstance(error, ConvboardError):
                raise
            raise RunError(
                f"{self._run_dir}: the state of TensorBoard's curves in the last checkpoint is not one of a run "
                f"({error}). Put the run's own checkpoint back, or train again."
            ) from error
        self._events = EventFile.create(self._run_dir, start.global_step)
        self._parts = Parts(self._events)
        self._is_open = True
        self._describe(start)
        if self._level != "minimal":
            self._figures.write_graph(self._parts, self._events, start.global_step)
            self._figures.write_layers(self._parts, start.epoch, start.global_step, due=True)
        self._events.flush()

    def _continue(self, state: Mapping[str, Any], start: FitStart) -> bool:
        """Continue from the state of a checkpoint; return whether its event file is continued too."""
        self._curves.load_state_dict(dict(state["curves"]))
        self._curves.every = self._scalar_every or self._curves.every
        try:
            self._events = EventFile.resume(self._run_dir, state["events"])
        except DamagedEventsError as damage:
            _log.warning(
                "TensorBoard event file damaged: %s. The run goes on from its checkpoint, and its curves in a new "
                "event file from step %d; what TensorBoard shows from before that may be incomplete.",
                damage,
                start.global_step,
            )
            return False
        self._is_open = True
        self._parts = Parts(self._events, state["missing"])
        self._warnings_written = len(self._warnings)  # those found before training, which the run wrote first
        return True

    def on_step(self, step: Step) -> None:
        """Add the step to the curves, and write the points that are available."""
        if self._curves.add(step):
            self._write_points(self._curves.points())
        if step.global_step % self._start.steps_per_epoch == 0 and self._level != "minimal":
            self._gradients = {
                name: parameter.grad.detach().clone()
                for name, parameter in named_parameters(self._start.model)
                if parameter.grad is not None
            }

    def on_epoch_end(self, end: EpochEnd) -> None:
        """Write the values of the epoch, and the figures if they are due."""
        values = [
            scalar(tags.LOSS_VAL, end.val.loss),
            scalar(tags.ACCURACY_VAL, end.val.accuracy),
            scalar(tags.THROUGHPUT, end.images_per_second),
        ]
        self._events.write(values, end.global_step)
        if end.is_best:
            metrics = {
                tags.ACCURACY_VAL: end.val.accuracy,
                tags.LOSS_VAL: end.val.loss,
                tags.ACCURACY_TRAIN: end.train_accuracy,
                tags.LOSS_TRAIN: end.train_loss,
            }
            self._events.write(hparams.best_epoch(metrics), end.global_step)
        self._write_warnings(end.global_step)
        if self._level != "minimal":
            self._parts.write("gradients", self._gradient_values, end.global_step)
            self._gradients = {}
            due = is_due(end.epoch, is_last=end.is_last)
            self._figures.write_layers(self._parts, end.epoch, end.global_step, due=due)
            if due:
                self._figures.write_predictions(self._parts, end.val, end.epoch, end.global_step, self._run_dir)
        self._events.flush()

    def on_fit_end(self, end: FitEnd) -> None:
        """Write the last points, the test result and the status of the run, and close the file."""
        if not self._is_open:  # the run failed before it began
            return
        self._write_points(self._curves.finish())
        values = []
        if end.test is not None:
            test = {tags.LOSS_TEST: end.test.loss, tags.ACCURACY_TEST: end.test.accuracy}
            values = [*(scalar(tag, value) for tag, value in test.items()), *hparams.best_epoch(test)]
        if end.reason:
            reason = f"Pruned: {end.reason}" if end.status == "pruned" else end.reason
            values.append(text(tags.problem("training"), reason))
        values.append(hparams.session_end(finished=end.status != "failed"))
        self._events.write(values, end.global_step)
        self._events.close()

    def state_dict(self) -> dict[str, Any]:
        """The position in the event file, which is synced to disk, and the steps that are in no point yet."""
        self._write_points(self._curves.points(wait=True))
        return {"events": self._events.state(), "curves": self._curves.state_dict(), "missing": self._parts.missing}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state`: the event file is cut back to its position then."""
        self._resumed = state

    def _describe(self, start: FitStart) -> None:
        """Write the HParams row, the layout of the Custom Scalars tab, and the texts."""
        records = [hparams.experiment(self._config, self._row), hparams.session_start(self._config, self._row)]
        self._events.write([*records, train_over_val()], 0)
        config = markdown.config_table(hparams.flatten(self._config))
        self._parts.write("config", lambda: [text(tags.CONFIG, config)], 0)
        environment = markdown.table(self._environment, ("what", "value"))
        self._parts.write("environment", lambda: [text(tags.ENVIRONMENT, environment)], 0)
        if self._plan is not None:
            plan = markdown.table(self._plan, ("plan", ""))
            self._parts.write("plan", lambda: [text(tags.PLAN, plan)], 0)
        self._parts.write("layers", lambda: self._anatomy(start), 0)
        self._write_warnings(0)

    def _anatomy(self, start: FitStart) -> list[Value]:
        """The network's table for the Text tab, and its record for the Layers tab."""
        summary = summarise(start.model, self._dataset.image_shape)
        about = {"steps_per_epoch": start.steps_per_epoch, "max_epochs": start.max_epochs}
        names = {"name": type(start.model).__name__, "dataset": self._dataset.name}
        self._record = {**summary.record(), **about, **names, **self._described_warnings()}
        return [text(tags.LAYERS, format_table(summary.rows, "markdown")), network(self._record)]

    def _write_warnings(self, step: int) -> None:
        """Write the warnings as a text if there are new ones, and the record for the Layers tab with them again."""
        if len(self._warnings) == self._warnings_written:
            return
        self._warnings_written = len(self._warnings)
        values = [text(tags.problem("network"), "\n".join(f"- {warning}" for warning in self._warnings))]
        if step and self._record:
            values.append(network({**self._record, **self._described_warnings()}))
        self._events.write(values, step)

    def _described_warnings(self) -> dict[str, Any]:
        """The warnings for the record: of each the word, the sentence, and the layer or null."""
        warnings = [warning for warning in self._warnings if not warning.is_harmless]
        return {"warnings": [{"layer": w.layer, "word": w.word, "sentence": str(w)} for w in warnings]}

    def _gradient_values(self) -> list[Value]:
        """Histograms of the gradients of the epoch's last step, and the norm of each layer's gradient."""
        histograms = histogram_values({tags.gradients(name): gradient for name, gradient in self._gradients.items()})
        norms = gradient_norms(self._gradients, type(self._start.model).__name__)
        return histograms + [scalar(tags.gradient_norm(layer), norm) for layer, norm in norms.items()]

    def _write_points(self, points: Iterable[Point]) -> None:
        for point in points:
            self._events.write(point.values, point.step, point.wall_time)
