"""The training loop.

It does not depend on configs, TensorBoard or the terminal: callbacks show the run. No step waits for the device: see
`metrics` and `nan_guard`.
"""

import logging
import math
import time
from itertools import islice
from pathlib import Path
from typing import Any

from torch import Tensor

from convboard.errors import TrainingError
from convboard.training.callbacks import Callback, EpochEnd, Evaluation, FitEnd, FitStart
from convboard.training.checkpoint import BEST, Checkpoint, load_checkpoint, load_weights, save_checkpoint, save_latest
from convboard.training.evaluation import evaluate
from convboard.training.metrics import StepMetrics
from convboard.training.optimizer_state import load_optimizer
from convboard.training.seeding import random_state, restore_random_state
from convboard.training.signals import Interrupted, StopRequest
from convboard.training.train_step import TrainStep
from convboard.training.training_setup import TrainingSetup

_log = logging.getLogger(__name__)

# Requests to the loop. A larger one is the number of a signal that ends the run, plus _PRUNE.
_SAVE = 1  # save a checkpoint
_PRUNE = 2  # end as if the epoch were the last


class Trainer:
    """The training of a network: keeps its best weights, and tests them once at the end.

    It is made in all processes of the run, which wait for each other.

    Args:
        setup: The parts of the run.

    Attributes:
        epoch: Number of epochs trained.
        global_step: Number of optimizer steps taken.
        best: Metrics of the best epoch by tag: `accuracy/val` and `loss/val`; empty before the first evaluation.
        best_epoch: Number of that epoch, from 1.
    """

    def __init__(self, setup: TrainingSetup) -> None:
        self.setup = setup
        self.epoch = 0
        self.global_step = 0
        self.best: dict[str, float] = {}
        self.best_epoch = 0
        self._callbacks = setup.callbacks if setup.comm.is_main else ()
        self._steps_per_epoch = setup.steps_per_epoch
        self._metrics = StepMetrics()  # of the epoch
        self._train_step = TrainStep(setup)
        self._stop = StopRequest()
        self._pruned = ""  # why, if a callback has ended the run early
        self._is_pruned = False  # in all processes
        self._saved_at = 0.0
        self._seconds_before = 0.0
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Wall time since the start of `fit`; in a resumed run, plus the time up to its last checkpoint."""
        return self._seconds_before + time.perf_counter() - self._began

    def fit(self) -> FitEnd:
        """Train to the end, then test the best network.

        Returns:
            The event that the callbacks get at the end.

        Raises:
            TrainingError: The loss is not finite. The checkpoints on disk are valid.
            Interrupted: A signal ended the run, see `signals`. The last checkpoint is that of the last step taken.
        """
        setup = self.setup
        start = FitStart(
            model=setup.model,
            device=setup.plan.device,
            max_epochs=setup.limits.max_epochs,
            steps_per_epoch=self._steps_per_epoch,
            epoch=self.epoch,
            global_step=self.global_step,
        )
        self._began = time.perf_counter()
        started: list[Callback] = []
        with self._stop:
            try:
                for callback in self._callbacks:
                    callback.on_fit_start(start)
                    started.append(callback)
                if self.global_step == 0:
                    self._save(is_best=False)  # a run that is killed after this can be resumed
                else:
                    self._is_pruned = setup.comm.all_reduce_max(_PRUNE if self._is_pruned else 0) == _PRUNE
                while not self.is_finished:
                    self._train_epoch()
                end = self._test_best()
            except BaseException as raised:
                error = setup.comm.root_cause(raised)
                reason = str(error) or type(error).__name__
                end = FitEnd("failed", self.global_step, self.epoch, None, dict(self.best), reason)
                for callback in started:
                    _end_failed(callback, end)
                if error is raised:
                    raise
                raise error from raised
            for callback in self._callbacks:
                callback.on_fit_end(end)
        return end

    def resume(self, checkpoint: Checkpoint, source: Path) -> None:
        """Restore a checkpoint, so that `fit` continues the run that saved it.

        Args:
            checkpoint: One of the last two checkpoints of a run of the same config; see `saved_state`.
            source: The file of the checkpoint, for messages.

        Raises:
            CheckpointError: The checkpoint is of another network.
        """
        setup, state = self.setup, checkpoint.state
        load_weights(setup.model, checkpoint, source)
        load_optimizer(setup.optimizer, checkpoint.optimizer)
        random_states = setup.comm.local_random_states(checkpoint.rng)
        if random_states:
            restore_random_state(random_states)
        if state["processes"] != setup.comm.world_size:
            _log.warning(
                "%s was saved by a run of %d processes, and this one has %d: samples and steps stay the same, but sums "
                "are rounded differently, and dropout draws other numbers.",
                source,
                state["processes"],
                setup.comm.world_size,
            )
        self.epoch, self.global_step = state["epoch"], state["global_step"]
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self._seconds_before = state.get("seconds", 0.0)  # older checkpoints lack it
        self._metrics.load_state_dict(state["sums"])
        callback_states = state["callbacks"] if "callbacks" in state else state["observers"]  # its older name
        for callback in self._callbacks:
            if type(callback).__name__ in callback_states:  # an older checkpoint lacks some
                reason = callback.load_state_dict(callback_states[type(callback).__name__])
                self._pruned = self._pruned or reason or ""
        self._is_pruned = bool(self._pruned)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the loop and the callbacks, JSON-like; the weights are not part of it."""
        return {
            "epoch": self.epoch,
            "global_step": self.global_step,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "seconds": self.seconds,
            "sums": self._metrics.state_dict(),
            "processes": self.setup.comm.world_size,
            "callbacks": {type(callback).__name__: callback.state_dict() for callback in self._callbacks},
        }

    @property
    def is_finished(self) -> bool:
        """Whether no epoch is left to train."""
        patience = self.setup.limits.patience
        is_out_of_patience = patience is not None and self.epoch - self.best_epoch >= patience
        return self.epoch >= self.setup.limits.max_epochs or is_out_of_patience or self._is_pruned

    def _train_epoch(self) -> None:
        """Train to the end of the epoch, evaluate, call the callbacks, and save."""
        setup = self.setup
        samples_before = self._metrics.samples
        began = time.perf_counter()
        self._take_steps()
        self._train_step.guard.check(self.epoch + 1)
        train_loss, train_accuracy = self._metrics.means()
        images_per_second = (self._metrics.samples - samples_before) / (time.perf_counter() - began)
        self._metrics = StepMetrics()
        self.epoch += 1
        val = evaluate(
            setup.model, setup.splits.val, setup.loss, setup.plan, setup.limits.limit_val_batches, setup.comm
        )
        is_best = self._note_best(val)
        end = EpochEnd(
            epoch=self.epoch,
            global_step=self.global_step,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            val=val,
            images_per_second=images_per_second,
            is_last=self.is_finished,
            is_best=is_best,
        )
        reasons = [callback.on_epoch_end(end) for callback in self._callbacks]
        self._pruned = next(filter(None, reasons), "")
        self._save(is_best)
        request = setup.comm.all_reduce_max(self._end_request() or (_PRUNE if self._pruned else 0))
        self._end_if_asked(request)
        self._is_pruned = request == _PRUNE

    def _take_steps(self) -> None:
        """Take all steps of the epoch, or those after a checkpoint within it."""
        setup, comm = self.setup, self.setup.comm
        setup.model.train()
        accumulate = setup.limits.accumulate_batches
        steps_left = self._steps_per_epoch * (self.epoch + 1) - self.global_step
        first = (self._steps_per_epoch - steps_left) * accumulate
        batches = islice(setup.splits.train.epoch(self.epoch, first), setup.batches_per_epoch - first)
        for left in reversed(range(steps_left)):
            with comm.watched(f"step {self.global_step + 1}", ("step", not left)):
                step = self._train_step.take(list(islice(batches, accumulate)), self.global_step, self.epoch + 1)
            self.global_step = step.global_step
            self._metrics.add(step)
            for callback in self._callbacks:
                callback.on_step(step)
            if not left:
                break  # the end of the epoch handles requests itself
            is_due = time.monotonic() > self._saved_at + setup.limits.checkpoint_minutes * 60
            request = comm.all_reduce_max_lagged(self._end_request() or (_SAVE if is_due else 0))
            if request:
                self._train_step.guard.check(self.epoch + 1)
                self._save(is_best=False)
                self._end_if_asked(request)

    def _end_request(self) -> int:
        return 0 if self._stop.signal is None else self._stop.signal + _PRUNE

    def _end_if_asked(self, request: int) -> None:
        if request > _PRUNE:
            raise Interrupted(request - _PRUNE)

    def _note_best(self, val: Evaluation) -> bool:
        """Return whether `val` is the best so far, by accuracy and then by loss, and remember it if so."""
        if not math.isfinite(val.loss):
            raise TrainingError(
                f"The validation loss is {val.loss} after epoch {self.epoch}; the run stopped, and the last checkpoint "
                f"is from before that. {self.setup.divergence_advice}".rstrip()
            )
        score = (val.accuracy, -val.loss)
        if self.best and score <= (self.best["accuracy/val"], -self.best["loss/val"]):
            return False
        self.best = {"accuracy/val": val.accuracy, "loss/val": val.loss}
        self.best_epoch = self.epoch
        return True

    def _save(self, is_best: bool) -> None:
        """Save the best checkpoint before the latest: a run killed in between resumes from the state before both."""
        setup, checkpoints = self.setup, self.setup.checkpoints
        state = self.state_dict()  # callbacks write their buffers: the events of this state are on disk
        weights = setup.model.state_dict()
        if is_best and setup.comm.is_main:
            save_checkpoint(checkpoints / BEST, Checkpoint(model=weights, optimizer={}, rng={}, state=state))
        rng = setup.comm.gather_random_states(random_state(setup.plan.device))
        latest = Checkpoint(model=weights, optimizer=setup.optimizer.state_dict(), rng=rng, state=state)
        if setup.comm.is_main:
            save_latest(checkpoints, latest)
        self._saved_at = time.monotonic()

    def _test_best(self) -> FitEnd:
        """Load the best weights and evaluate them on the test split, once in a run."""
        setup = self.setup
        path = setup.checkpoints / BEST
        if setup.comm.is_main:
            checkpoint = load_checkpoint(path)
            load_weights(setup.model, checkpoint, path)
            self.best, self.best_epoch = checkpoint.state["best"], checkpoint.state["best_epoch"]  # of these weights
        tensors = (value for value in setup.model.state_dict().values() if isinstance(value, Tensor))
        setup.comm.broadcast_tensors(list(tensors))
        limit = setup.limits.limit_test_batches
        test = evaluate(setup.model, setup.splits.test, setup.loss, setup.plan, limit, setup.comm)
        metrics = {**self.best, "accuracy/test": test.accuracy, "loss/test": test.loss}
        status = "pruned" if self._is_pruned else "finished"
        return FitEnd(status, self.global_step, self.epoch, test, metrics, self._pruned)


def _end_failed(callback: Callback, end: FitEnd) -> None:
    """Tell a callback that the run failed; an error of the callback's own must not hide the cause."""
    try:
        callback.on_fit_end(end)
    except Exception as error:
        _log.warning("%s could not end properly: %s", type(callback).__name__, error)
