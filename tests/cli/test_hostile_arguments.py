"""Every key of every command with hostile values: a right result, or one message and exit code 2.

`tests/unit/config/test_hostile_values.py` shows that the schema refuses what is no value of a key. Here what it lets
pass is trained, drawn or evaluated; a test of some minutes.
"""

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from command_limits import limited
from commands import MakeOnce
from convboard.cli import evaluate, feature_maps, layers
from convboard.config.schema import TrainConfig

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]

SMALL = (
    *("trainer.max_epochs=1", "trainer.limit_train_batches=2", "trainer.limit_val_batches=1", "trainer.plan=none"),
    *("trainer.limit_test_batches=1", "trainer.eval_batch_size=50", "board=minimal", "trainer.device=cpu"),
)
VALUES = (
    *("0", "1", "-1", "0.5", "1e-300", "1e308", "9223372036854775807", "1" + "0" * 400, "nan", "inf", "-inf"),
    *("''", "' '", "x", ".", "a" * 300, "'\x1b[2J'", "null", "true", "[]", "[0]", "{}", "{a:1}", "${seed}"),
    *("${oc.env:HOME}", "???", "[[1]]", "1e3", "0x10", "ä", "a=b", "sub/fifo", "a.png"),
)
OPEN_KEYS = (
    *("model", "model._target_", "model.image_size", "model.in_channels", "model.num_classes", "+model.any"),
    *("dataset", "optimizer", "optimizer._target_", "optimizer.lr", "optimizer.momentum", "optimizer.weight_decay"),
    *("scheduler", "scheduler._target_", "+scheduler.warmup_epochs", "loss", "board", "trainer", "experiment"),
    *("hydra.run.dir", "hydra.sweep.dir", "hydra.job.chdir", "hydra.verbose", "+hydra", "~seed", "+x", "resume"),
)
SECONDS = 60  # until a command is taken to hang, beside other work


def config_keys(schema: Any = TrainConfig, prefix: str = "") -> Iterator[str]:
    for field in fields(schema):
        if is_dataclass(field.type):
            yield from config_keys(field.type, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}"


TRAIN = [("train.py", *SMALL, f"{key}=") for key in dict.fromkeys((*config_keys(), *OPEN_KEYS))]
SCRIPTS = [
    (f"scripts/{module.__name__.rpartition('.')[2]}.py", *beside, f"{field.name}=")
    for module, beside in (
        (layers, ("model=lenet",)),
        (feature_maps, ("model=lenet", "image=a.png")),
        (feature_maps, ("run=run", "image=a.png")),
        (evaluate, ("run=run",)),
        (layers, ("run=run",)),
    )
    for field in fields(module.Arguments)
]


@pytest.fixture
def folder(run_command: RunCommand, make_once: MakeOnce, tmp_path: Path) -> Path:
    """A folder with a finished run and a picture."""

    def make(where: Path) -> None:
        run_command("train.py", *SMALL, f"hydra.run.dir={where / 'run'}")

    shutil.copytree(make_once("hostile", make), tmp_path, dirs_exist_ok=True)
    from PIL import Image

    Image.new("L", (28, 28), 128).save(tmp_path / "a.png")
    (tmp_path / "sub").mkdir()
    os.mkfifo(tmp_path / "sub/fifo")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("command", [*TRAIN, *SCRIPTS], ids=lambda command: f"{command[0]} {command[-1]}")
def test_a_hostile_value_gives_a_result_or_one_message(
    command: tuple[str, ...], folder: Path, run_in_process: RunCommand
) -> None:
    failed = []
    values = random.Random(" ".join(command)).sample(VALUES, 10)
    for value in values:
        try:
            with limited(SECONDS):
                done = run_in_process(*command[:-1], f"{command[-1]}{value}", expected_code=None)
            assert done.returncode in (0, 2), done.stderr[-1500:]
            assert done.returncode == 0 or "convboard: " in done.stderr, done.stderr[-1500:]
            assert "Traceback" not in done.stderr, done.stderr[-1500:]
            assert "\x1b" not in done.stdout + done.stderr
        except Exception as error:
            failed.append(f"{' '.join(command)}{value}\n{type(error).__name__}: {error}")
    assert not failed, "\n\n".join(failed)
