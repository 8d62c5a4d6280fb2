"""Sweeps on the disk as training leaves them, but for checkpoints: for tests of what reads many runs."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.liveness import this_worker
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import SweepRecord
from convboard.sweeps.store.trials import Trial, folder_name

_MODELS = {"lenet": "LeNet", "batchnorm_cnn": "BatchNormCNN"}


@dataclass(frozen=True)
class Outcome:
    """What has become of a trial.

    Attributes:
        state: Its state.
        value: Its accuracy on the validation split; that on the test split is 0.01 lower.
        reason: Why it failed or was pruned.
        epochs: Number of epochs that it has trained.
    """

    state: State = State.FINISHED
    value: float = 0.9
    reason: str = ""
    epochs: int = 10


def grid(axes: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return the combinations of some values by key, the first seed of all before the second, as in a sweep."""
    keys = sorted(axes, key=lambda key: key != "seed")
    return [{key: dict(zip(keys, values))[key] for key in axes} for values in product(*(axes[key] for key in keys))]


def write_sweep(folder: Path, settings: Sequence[Mapping[str, Any]], outcomes: Sequence[Outcome]) -> Sweep:
    """Write a sweep.

    Args:
        folder: Its folder.
        settings: The values of each trial by key, such as `optimizer.lr`.
        outcomes: What has become of each trial. Those that run, run as long as this process does.
    """
    trials = [_trial(number, values) for number, values in enumerate(settings)]
    record = SweepRecord("python train.py -m", tuple(settings[0]), "accuracy/val", "abc", {"torch": "2.11"})
    sweep = Sweep.create(folder, record, trials)
    worker = this_worker()
    if any(outcome.state is State.RUNNING for outcome in outcomes):
        (sweep.workers / f"{worker.id}.json").write_text(json.dumps(asdict(worker)))
    for trial, outcome in zip(trials, outcomes, strict=True):
        _write_outcome(sweep, trial, outcome, worker.id)
    return sweep


def _trial(number: int, values: Mapping[str, Any]) -> Trial:
    swept = {key: str(value) for key, value in values.items()}
    overrides = tuple(f"{key}={value}" for key, value in swept.items())
    config: dict[str, Any] = {
        "model": {"_target_": f"convboard.models.{_MODELS[values.get('model', 'lenet')]}"},
        "dataset": {"name": "digits"},
        "optimizer": {"_target_": "torch.optim.SGD", "lr": 0.1, "momentum": 0.9},
        "trainer": {"max_epochs": 10},
        "seed": 0,
        "objective": "accuracy/val",
    }
    for key, value in values.items():
        node, last = config, key
        while "." in last:
            group, _, last = last.partition(".")
            node = node.setdefault(group, {})
        if key != "model":
            node[last] = value
    return Trial(number, overrides, swept, folder_name(swept), config)


def _write_outcome(sweep: Sweep, trial: Trial, outcome: Outcome, worker: str) -> None:
    if outcome.state is State.WAITING:
        return
    run_dir = sweep.folder / trial.folder
    run_dir.mkdir()
    (run_dir / "config.yaml").write_text(json.dumps(trial.config))
    lines = ["epoch,step,time,images_per_second,lr,loss/train,accuracy/train,loss/val,accuracy/val"]
    lines += [f"{epoch},{20 * epoch},{epoch}.0,1000,0.1,0.5,0.8,0.5,0.8" for epoch in range(1, outcome.epochs + 1)]
    (run_dir / "curves.csv").write_text("\n".join(lines) + "\n")
    sweep.journal.append(trial.number, Entry(State.RUNNING, worker))
    if outcome.state is State.RUNNING:
        return
    is_result = outcome.state in (State.FINISHED, State.PRUNED)
    if is_result:
        metrics = {"accuracy/val": outcome.value, "accuracy/test": outcome.value - 0.01}
        metrics |= {"loss/val": 1 - outcome.value, "loss/test": 1.01 - outcome.value}
        result = {"status": str(outcome.state), "best_epoch": outcome.epochs, "metrics": metrics}
        result |= {"objective": outcome.value, "epochs": outcome.epochs, "seconds": 20.0}
        (run_dir / "result.json").write_text(json.dumps(result))
    value = outcome.value if is_result else None
    entry = Entry(outcome.state, worker, outcome.reason, value, 20.0, outcome.epochs)
    assert sweep.journal.end(trial.number, entry)


@dataclass
class RandomOutcomes:
    """Outcomes of a sweep in which the learning rate matters, some runs fail and some are still running.

    Attributes:
        seed: Of the random numbers.
    """

    seed: int = 0
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def __call__(self, values: Mapping[str, Any]) -> Outcome:
        """Return the outcome of a trial with these values."""
        drawn = self._random.random()
        lr = float(values["optimizer.lr"])
        value = 0.97 - 3 * (lr - 0.03) ** 2 - 0.01 * (values.get("model") == "lenet") + self._random.gauss(0, 0.006)
        if drawn < 0.03:
            return Outcome(State.FAILED, reason="RuntimeError: CUDA out of memory", epochs=2)
        if drawn < 0.08:
            return Outcome(State.RUNNING, epochs=self._random.randrange(10))
        return Outcome(State.WAITING) if drawn < 0.12 else Outcome(value=max(0.1, min(0.999, value)))
