"""What the tests of interrupted runs share: a run with all that could go wrong in it, and what must be equal."""

import csv
import json
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event

from convboard.training.checkpoint import load_checkpoint

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
Scalar = tuple[str, int, float]  # tag, step, value

KILLED_TRAIN = Path(__file__).with_name("killed_train.py")
EPOCHS, STEPS = 3, 11
# BatchNorm and dropout in the network, which is small; augmentation in the data, a checkpoint at every step; a point of
# the curves every 4 steps, which divide neither an epoch nor the run: the last point is of the run's end.
CONFIG = [
    "model=sequential",
    "model.layers=[{conv:{out_channels:4,kernel_size:5,stride:2}},batch_norm,relu,dropout,flatten,linear]",
    "dataset=digits",
    "dataset.random_crop=2",
    "dataset.horizontal_flip=true",
    "dataset.cutout=4",
    "batch_size=120",
    f"trainer.max_epochs={EPOCHS}",
    "trainer.checkpoint_minutes=0",
    "board.scalar_every=4",
]
_TIMED = "throughput/images_per_second"  # a measurement, so never the same twice


def scalars(run: Path, files: str = "*tfevents*") -> list[Scalar]:
    """Each scalar in a run's event files, as the raw records have them."""
    found = []
    for file in sorted(run.glob(files)):
        for record in RawEventFileLoader(str(file)).Load():
            event = Event.FromString(record)
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "scalars" or value.HasField("simple_value"):
                    number = value.simple_value if value.HasField("simple_value") else value.tensor.float_val[0]
                    found.append((value.tag, event.step, number))
    return found


def hparams_records(run: Path) -> dict[str, bytes]:
    """The records of the HParams tab in a run's event files, by tag."""
    return {
        value.tag: value.metadata.plugin_data.content
        for file in sorted(run.glob("*tfevents*"))
        for record in RawEventFileLoader(str(file)).Load()
        for value in Event.FromString(record).summary.value
        if value.metadata.plugin_data.plugin_name == "hparams"
    }


def reproducible(found: list[Scalar]) -> list[Scalar]:
    """Those of `found` that a run on the same machine gives again, sorted; none may be there twice."""
    assert max(Counter((tag, step) for tag, step, _ in found).values(), default=1) == 1
    return sorted(scalar for scalar in found if scalar[0] != _TIMED)


def assert_same(run: Path, other: Path) -> None:
    """Weights, optimizer, random state, every scalar and every epoch's line are equal to the last bit.

    A schedule has no state, it is a function of the step: what it gave is in the scalars, as `lr`.
    """
    for name in ("best", "last"):
        comm, theirs = (load_checkpoint(folder / "checkpoints" / f"{name}.safetensors") for folder in (run, other))
        for part in ("model", "optimizer", "rng"):
            torch.testing.assert_close(getattr(comm, part), getattr(theirs, part), rtol=0, atol=0)
        assert comm.state["best"] == theirs.state["best"]
    assert reproducible(scalars(run)) == reproducible(scalars(other))
    assert curves(run) == curves(other)
    assert json.loads((run / "summary.json").read_text())["state"] == "finished"


def curves(run: Path) -> list[dict[str, str]]:
    """The lines of a run's curves, without what is measured."""
    with (run / "curves.csv").open(newline="") as file:
        return [
            {key: row[key] for key in row if key not in ("time", "images_per_second")} for row in csv.DictReader(file)
        ]
