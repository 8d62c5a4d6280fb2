"""What can be chosen for a run from the command line, and what must make no difference to it."""

import json
import math
import os
import subprocess
from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path

import pytest
import torch
from PIL import Image

import convboard
from commands import ROOT, data_folder
from convboard.training.checkpoint import Checkpoint, load_checkpoint
from interrupted import scalars

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
Sweep = Callable[..., dict[str, dict[str, float]]]
SHORT = ("trainer.max_epochs=2", "trainer.limit_train_batches=3", "trainer.limit_test_batches=1")
FEW = (
    *("trainer.max_epochs=1", "trainer.limit_train_batches=2", "trainer.limit_val_batches=1"),
    *("trainer.limit_test_batches=1", "trainer.eval_batch_size=10", "batch_size=10"),
)


def last_checkpoint(run: Path) -> Checkpoint:
    return load_checkpoint(run / "checkpoints/last.safetensors")


def assert_same_weights(run: Path, other: Path) -> None:
    """Weights and momenta, to the last bit."""
    one, two = last_checkpoint(run), last_checkpoint(other)
    for tensors, others in ((one.model, two.model), (momenta(one), momenta(two))):
        assert tensors.keys() == others.keys()
        assert tensors
        for name, tensor in tensors.items():
            assert torch.equal(tensor, others[name]), name
    metrics = (json.loads((path / "result.json").read_text())["metrics"] for path in (run, other))
    assert next(metrics) == next(metrics)


def momenta(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    return {
        f"{number}/{name}": tensor
        for number, state in checkpoint.optimizer["state"].items()
        for name, tensor in state.items()
    }


class TestTheSameBits:
    """Of a run that says it twice, or in another way that must not matter."""

    AUGMENTED = ("dataset.random_crop=2", "dataset.horizontal_flip=true", "dataset.cutout=4")
    CHOSEN = ("trainer.device=cpu", *AUGMENTED, *SHORT)

    @pytest.fixture
    def run(self, run_command: RunCommand, tmp_path: Path) -> Callable[..., Path]:
        def run(*arguments: str) -> Path:
            folder = tmp_path / f"run{len(list(tmp_path.glob('run*')))}"
            run_command("train.py", f"hydra.run.dir={folder}", *self.CHOSEN, *arguments)
            return folder

        return run

    def test_streaming_gives_what_residing_on_the_device_gives(self, run: Callable[..., Path]) -> None:
        resident = run("dataset.data_location=device", "board=minimal")
        for workers in (0, 2):
            assert_same_weights(
                resident, run("dataset.data_location=stream", f"dataset.num_workers={workers}", "board=minimal")
            )

    def test_a_deterministic_run_gives_the_same_twice(self, run: Callable[..., Path]) -> None:
        arguments = ("model=sequential", "trainer.deterministic=true", "board=minimal")  # it has dropout
        assert_same_weights(run(*arguments), run(*arguments))

    def test_the_board_changes_nothing(self, run: Callable[..., Path]) -> None:
        minimal = run("model=sequential", "board=minimal")
        for level in ("default", "full"):
            assert_same_weights(minimal, run("model=sequential", f"board={level}"))

    def test_another_seed_gives_another_run(self, run: Callable[..., Path]) -> None:
        with pytest.raises(AssertionError):
            assert_same_weights(run("seed=1", "board=minimal"), run("seed=2", "board=minimal"))


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (ROOT / "conf" / group).glob("*.yaml"))


def all_pairs(choices: dict[str, list[str]]) -> list[dict[str, str]]:
    """Few rows, of an option for each key, in which every two options of two keys stand together in at least one.

    Each row begins with a pair that is missing, and adds the options that bring the most of what is missing; of equal
    ones, the first.
    """
    keys = sorted(choices, key=lambda key: -len(choices[key]))

    def pairs(row: dict[str, str]) -> set[tuple[tuple[str, str], ...]]:
        return set(combinations(sorted(row.items()), 2))

    missing = {
        pair
        for one, other in combinations(keys, 2)
        for values in product(choices[one], choices[other])
        for pair in pairs(dict(zip((one, other), values)))
    }
    rows = []
    while missing:
        row = dict(min(missing))
        for key in keys:
            if key not in row:
                gains = [len(pairs({**row, key: value}) & missing) for value in choices[key]]
                row[key] = choices[key][gains.index(max(gains))]
        missing -= pairs(row)
        rows.append(row)
    return rows


PAIRS = all_pairs(  # the cheapest options first; without the data, MNIST and CIFAR-10 are left out
    {
        "model": options("model"),
        "dataset": ["digits", "image_folder", *(("mnist", "cifar10") if data_folder() else ())],
        "optimizer": options("optimizer"),
        "scheduler": options("scheduler"),
        "scheduler.warmup_epochs": ["0", "1"],
        "loss": options("loss"),
        "board": options("board")[::-1],
        "trainer.precision": ["fp32", "bf16"],
        "trainer.channels_last": ["true", "false"],
    }
)


@pytest.mark.thorough
@pytest.mark.parametrize("row", PAIRS, ids=lambda row: " ".join(f"{key}={value}" for key, value in row.items()))
def test_every_two_options_go_together(row: dict[str, str], run_in_process: RunCommand, tmp_path: Path) -> None:
    """Every two options of two groups are in one of these runs."""
    given = [f"{key}={value}" for key, value in row.items()]
    if row["dataset"] == "image_folder":
        draw_pictures(tmp_path / "pictures")
        given.append("dataset.path=pictures")
    given += ["dataset.val_size=10", f"data_dir={data_folder()}"]  # the board looks at few images
    done = run_in_process("train.py", *given, *FEW, "hydra.run.dir=run")
    assert done.stderr == ""
    run = convboard.load_run(tmp_path / "run")
    assert run.plan["precision"] == row["trainer.precision"]
    assert run.config.loss.name == row["loss"]
    assert run.config.board.level == row["board"]
    assert run.result["status"] == "finished"
    assert all(math.isfinite(value) for value in run.metrics.values())
    assert "accuracy/test" in {tag for tag, _, _ in scalars(tmp_path / "run")}


def draw_pictures(folder: Path) -> None:
    for label, colour in (("cat", "orange"), ("dog", "brown")):
        (folder / label).mkdir(parents=True)
        for number in range(20):
            Image.new("RGB", (40 + number, 40), colour).save(folder / label / f"{number}.png")


class TestWhatCanBeChosen:
    """As sweeps, so that one process trains them all."""

    @pytest.fixture
    def sweep(self, run_command: RunCommand, tmp_path: Path) -> Sweep:
        def sweep(*arguments: str) -> dict[str, dict[str, float]]:
            """Each job's metrics, by its name."""
            folder = tmp_path / f"sweep{len(list(tmp_path.glob('sweep*')))}"
            one_process = ("-m", "hydra/launcher=basic", f"hydra.sweep.dir={folder}")
            run_command("train.py", *one_process, *arguments, *FEW, "board=minimal")
            results = folder.glob("*/result.json")
            return {path.parent.name: json.loads(path.read_text())["metrics"] for path in results}

        return sweep

    def test_every_preset(self, sweep: Sweep, data_dir: Path) -> None:
        presets = options("experiment")
        assert len(sweep(f"experiment={','.join(presets)}", f"data_dir={data_dir}")) == len(presets)

    @pytest.mark.thorough
    def test_optimizers_and_schedules_differ(self, sweep: Sweep) -> None:
        optimizers = sweep(f"optimizer={','.join(options('optimizer'))}")
        assert len({metrics["loss/val"] for metrics in optimizers.values()}) == 4
        schedules = sweep(f"scheduler={','.join(options('scheduler'))}", "scheduler.warmup_epochs=0,1")
        assert len(schedules) == 8
        assert len({metrics["loss/val"] for metrics in schedules.values()}) > 4
        plain, warm = (schedules[f"scheduler=none,scheduler.warmup_epochs={epochs}"] for epochs in (0, 1))
        assert plain != warm

    def test_any_optimizer_of_torch(self, sweep: Sweep) -> None:
        others = ["ASGD", "Adadelta", "Adafactor", "Adagrad", "Adamax", "NAdam", "RAdam", "Rprop"]
        jobs = sweep("optimizer._target_=" + ",".join(f"torch.optim.{name}" for name in others))
        assert len(jobs) == len(others)

    def test_an_untrained_network_has_the_loss_of_a_guess(self, sweep: Sweep) -> None:
        jobs = sweep("loss=cross_entropy,mse", "trainer.precision=fp32,bf16")
        assert len(jobs) == 4
        for name, metrics in jobs.items():  # of 10 classes, untrained: log(10), or about a tenth
            assert metrics["loss/val"] == pytest.approx(0.1 if "loss=mse" in name else 2.3, abs=0.1)

    def test_the_trainer(self, sweep: Sweep) -> None:
        jobs = sweep("trainer.accumulate_batches=1,2", "trainer.gradient_clip=null,0.01", "loss.label_smoothing=0,0.1")
        assert len(jobs) == 8
        assert len({metrics["loss/val"] for metrics in jobs.values()}) == 8

    def test_patience_ends_a_run_early(self, run_command: RunCommand, tmp_path: Path) -> None:
        arguments = ("trainer.patience=2", "optimizer.lr=0", "board=minimal", "hydra.run.dir=run")
        run_command("train.py", *arguments)
        assert json.loads((tmp_path / "run/result.json").read_text())["epochs"] == 3

    @pytest.mark.thorough
    def test_compile(self, run_command: RunCommand, tmp_path: Path) -> None:
        cache = {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
        small = ("model=sequential", "model.layers=[flatten,{linear:{out_features:8}},relu,linear]")
        run_command("train.py", "trainer.compile=true", "hydra.run.dir=run", *small, *SHORT, environment=cache)
        run_command("train.py", "hydra.run.dir=plain", *small, *SHORT)
        compiled, plain = (last_checkpoint(tmp_path / name).model for name in ("run", "plain"))
        for name, tensor in compiled.items():
            torch.testing.assert_close(tensor, plain[name], rtol=1e-3, atol=1e-4)

    @pytest.mark.thorough
    def test_compile_without_a_compiler(self, run_command: RunCommand, tmp_path: Path) -> None:
        without = {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache"), "PATH": "/nowhere"}
        compiler = os.environ.get("CXX", "g++")
        done = run_command("train.py", "trainer.compile=true", environment=without, expected_code=2)
        assert done.stderr == (
            "convboard: trainer.compile=true: torch.compile does not work on this machine (InvalidCxxCompiler: No "
            f"working C++ compiler found in torch._inductor.config.cpp.cxx: (None, '{compiler}')). It needs a C++ "
            "compiler, such as g++, and for a GPU Triton: install that, or leave trainer.compile=false.\n"
        )
        assert not (tmp_path / "outputs").exists()
