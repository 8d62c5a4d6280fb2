"""What can be chosen for a run from the command line, and what must make no difference to it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from convboard.training.checkpoint import Checkpoint, load_checkpoint

ROOT = Path(__file__).parents[2]
RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
Sweep = Callable[..., dict[str, dict[str, float]]]
SHORT = ("trainer.max_epochs=2", "trainer.limit_train_batches=3", "trainer.limit_test_batches=1")


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


class TestWhatCanBeChosen:
    """As sweeps, so that one process trains them all."""

    @pytest.fixture
    def sweep(self, run_command: RunCommand, tmp_path: Path) -> Sweep:
        def sweep(*arguments: str) -> dict[str, dict[str, float]]:
            """Each job's metrics, by its name."""
            quick = ("trainer.max_epochs=1", "trainer.limit_train_batches=2", "trainer.limit_val_batches=1")
            small = ("trainer.limit_test_batches=1", "trainer.eval_batch_size=20", "batch_size=20")
            folder = tmp_path / f"sweep{len(list(tmp_path.glob('sweep*')))}"
            run_command("train.py", "-m", f"hydra.sweep.dir={folder}", *arguments, *quick, *small)
            results = folder.glob("*/result.json")
            return {path.parent.name: json.loads(path.read_text())["metrics"] for path in results}

        return sweep

    MODELS = "model=" + ",".join(sorted(path.stem for path in (ROOT / "conf/model").glob("*.yaml")))

    def test_every_network_on_digits_and_on_pictures(self, sweep: Sweep, tmp_path: Path) -> None:
        from PIL import Image

        for label, colour in (("cat", "orange"), ("dog", "brown")):
            (tmp_path / "pictures" / label).mkdir(parents=True)
            for number in range(20):
                Image.new("RGB", (40 + number, 40), colour).save(tmp_path / "pictures" / label / f"{number}.png")
        assert len(sweep(self.MODELS, "dataset=digits", "board=minimal")) == 10
        assert len(sweep(self.MODELS, "dataset=image_folder", "dataset.path=pictures", "board=minimal")) == 10

    def test_every_network_on_mnist_and_cifar10(self, sweep: Sweep, data_dir: Path) -> None:
        assert len(sweep(self.MODELS, "dataset=mnist,cifar10", f"data_dir={data_dir}", "board=minimal")) == 20

    def test_every_preset(self, sweep: Sweep, data_dir: Path) -> None:
        presets = sorted(path.stem for path in (ROOT / "conf/experiment").glob("*.yaml"))
        jobs = sweep(f"experiment={','.join(presets)}", f"data_dir={data_dir}", "board=minimal")
        assert len(jobs) == len(presets)

    def test_every_optimizer_with_every_schedule(self, sweep: Sweep) -> None:
        schedules = "scheduler=none,cosine,one_cycle,step"
        jobs = sweep("optimizer=sgd,adam,adamw,rmsprop", schedules, "board=minimal")
        assert len(jobs) == 16
        assert len({metrics["loss/val"] for metrics in jobs.values()}) > 8  # they are not all the same
        with_warmup = sweep(schedules, "scheduler.warmup_epochs=1", "board=minimal")
        assert len(with_warmup) == 4
        assert with_warmup["scheduler=none"] != jobs["optimizer=sgd,scheduler=none"]

    def test_any_optimizer_of_torch(self, sweep: Sweep) -> None:
        others = ["ASGD", "Adadelta", "Adafactor", "Adagrad", "Adamax", "NAdam", "RAdam", "Rprop"]
        jobs = sweep("optimizer._target_=" + ",".join(f"torch.optim.{name}" for name in others), "board=minimal")
        assert len(jobs) == len(others)

    def test_losses_precision_and_memory_format(self, sweep: Sweep) -> None:
        jobs = sweep(
            "loss=cross_entropy,mse", "trainer.precision=fp32,bf16", "trainer.channels_last=true,false", "board=minimal"
        )
        assert len(jobs) == 8
        for name, metrics in jobs.items():  # of 10 classes, untrained: log(10), or about a tenth
            assert metrics["loss/val"] == pytest.approx(0.1 if "loss=mse" in name else 2.3, abs=0.1)

    def test_the_trainer(self, sweep: Sweep) -> None:
        jobs = sweep(
            "trainer.accumulate_batches=1,2",
            "trainer.gradient_clip=null,0.01",
            "loss.label_smoothing=0,0.1",
            "board=full",
        )
        assert len(jobs) == 8
        assert len({metrics["loss/val"] for metrics in jobs.values()}) == 8

    def test_patience_ends_a_run_early(self, run_command: RunCommand, tmp_path: Path) -> None:
        arguments = ("trainer.patience=2", "optimizer.lr=0", "board=minimal", "hydra.run.dir=run")
        run_command("train.py", *arguments)
        assert json.loads((tmp_path / "run/result.json").read_text())["epochs"] == 3

    def test_compile(self, run_command: RunCommand, tmp_path: Path) -> None:
        cache = {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
        run_command("train.py", "trainer.compile=true", "hydra.run.dir=run", *SHORT, environment=cache)
        run_command("train.py", "hydra.run.dir=plain", *SHORT)
        compiled, plain = (last_checkpoint(tmp_path / name).model for name in ("run", "plain"))
        for name, tensor in compiled.items():
            torch.testing.assert_close(tensor, plain[name], rtol=1e-3, atol=1e-4)

    def test_compile_without_a_compiler(self, run_command: RunCommand, tmp_path: Path) -> None:
        without = {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache"), "CXX": "/nowhere/g++"}
        arguments = ("trainer.compile=true", "trainer.device=cpu")
        done = run_command("train.py", *arguments, environment=without, expected_code=2, fresh=True)
        assert done.stderr == (
            "convboard: trainer.compile=true: torch.compile does not work on this machine (InvalidCxxCompiler: No "
            "working C++ compiler found in torch._inductor.config.cpp.cxx: (None, '/nowhere/g++')). It needs a C++ "
            "compiler, such as g++, and for a GPU Triton: install that, or leave trainer.compile=false.\n"
        )
        assert not (tmp_path / "outputs").exists()
