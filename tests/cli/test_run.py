"""One run from the command line: what it leaves, what it says, and everything that can be chosen for it."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

import convboard
from convboard.training.checkpoint import Checkpoint, load_checkpoint

ROOT = Path(__file__).parents[2]
RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
StartCommand = Callable[..., Any]
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


class TestTheDefaultRun:
    def test_what_it_leaves_and_says(self, run_command: RunCommand, tmp_path: Path) -> None:
        done = run_command("train.py", "trainer.max_epochs=2", "trainer.device=cpu", environment={"UV": ""})
        (run,) = tmp_path.glob("outputs/digits/lenet/*")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-[0-9a-f]{6}", run.name)
        files = sorted(str(path.relative_to(run)) for path in run.rglob("*") if path.is_file())
        event_file = files.pop(-2)
        assert event_file.startswith("events.out.tfevents.")
        assert files == [
            *("checkpoints/best.safetensors", "checkpoints/last.safetensors", "checkpoints/previous.safetensors"),
            *("config.yaml", "dataset.json", "result.json"),
        ]
        assert [path.name for path in tmp_path.iterdir()] == ["outputs"]  # nothing else anywhere
        finished = convboard.load_run(run)
        assert finished.config.trainer.max_epochs == 2
        assert finished.result["status"] == "finished"
        assert finished.result["objective"] == finished.result["metrics"]["accuracy/val"]
        assert finished.result["epochs"] == 2
        assert done.stderr == ""
        assert said(done.stdout) == SAID.format(run=run.relative_to(tmp_path), threads=os.environ["OMP_NUM_THREADS"])

    def test_a_plain_output_has_no_control_characters(self, run_command: RunCommand) -> None:
        done = run_command("train.py", "trainer.max_epochs=1")
        assert not re.search(r"[\x00-\x09\x0b-\x1f]", done.stdout)
        assert "left" not in done.stdout

    def test_through_uv_it_says_how_to_look_through_uv(self, run_command: RunCommand) -> None:
        done = run_command("train.py", *SHORT, environment={"UV": "/usr/bin/uv"})
        assert done.stdout.endswith("\nlook at it uv run tensorboard --logdir outputs\n")


SAID = """\
LeNet, 61,706 parameters
digits, 1x32x32, 10 classes, 1,297 / 250 / 250 images to train / val / test
on cpu ({threads} thread), fp32, channels_last, into {run}
    epoch   train loss  accuracy   val loss  accuracy    images/s
      1/2       0.0000     0.00%     0.0000     0.00%           0
      2/2       0.0000     0.00%     0.0000     0.00%           0

epoch 0 of 2, the best on val
┏━━━━━━━━━━┳━━━━━━━━┳━━━━━━━━┓
┃          ┃    val ┃   test ┃
┡━━━━━━━━━━╇━━━━━━━━╇━━━━━━━━┩
│ accuracy │  0.00% │  0.00% │
│ loss     │ 0.0000 │ 0.0000 │
└──────────┴────────┴────────┘
0.0 s of training and evaluation
run        {run}
look at it tensorboard --logdir outputs
"""


def _aligned(zero: str, found: re.Match[str]) -> str:
    return zero.rjust(len(found[0]))


def said(printed: str) -> str:
    """What was printed, with zeros for what is measured, right-aligned as it was."""
    for number, zero in ((r" *\d+\.\d\d%", "0.00%"), (r"\d+\.\d{4}", "0.0000"), (r" [\d,]+$", " 0")):
        printed = re.sub(number, partial(_aligned, zero), printed, flags=re.MULTILINE)
    printed = re.sub(r"^epoch \d of", "epoch 0 of", printed, flags=re.MULTILINE)
    return re.sub(r"^\d+\.\d s", "0.0 s", printed, flags=re.MULTILINE)


class TestInATerminal:
    def test_a_bar_is_drawn_and_wiped_away(self, start_command: StartCommand) -> None:
        screen = in_terminal(start_command, "trainer.max_epochs=10", "board=minimal")
        frames = re.findall(r"[^\r\n]*━[^\r\n]*images/s \d\d:\d\d left", screen)
        assert len(frames) > 2
        assert re.search(r" [\d ]\d/10 [━╸╺ ]+ +[\d,]+ images/s", screen)  # at first, when no loss is known
        assert re.search(r"/10 [━╸╺ ]+ loss \d\.\d{4}  accuracy +\d+\.\d\d% +[\d,]+ images/s", frames[-1])
        after = screen.rpartition("left")[2]
        assert "\x1b[2K" in after  # the line is erased
        assert "\x1b[?25h" in after  # the cursor is back
        assert "tensorboard --logdir outputs" in after

    def test_the_mean_accuracy_of_what_was_trained_on_is_shown(self, start_command: StartCommand) -> None:
        screen = in_terminal(start_command, "trainer.max_epochs=15", "board=minimal")
        shown = [float(share) for share in re.findall(r"accuracy +(\d+\.\d\d)% +[\d,]+ images/s \d", screen)]
        assert shown[0] < 50 < 90 < shown[-1] <= 100


def in_terminal(start_command: StartCommand, *arguments: str) -> str:
    """All that a command writes to a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    command = start_command("train.py", *arguments, terminal=theirs, environment={"COLUMNS": "100", "TERM": "xterm"})
    os.close(theirs)
    written = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            chunk = os.read(ours, 1 << 16)
        except OSError:  # nobody has the other end any more
            break
        if not chunk:
            break
        written += chunk
    os.close(ours)
    assert command.finish().returncode == 0, written.decode()
    return written.decode()


class TestInterrupted:
    def test_ctrl_c_ends_it_with_everything_whole(self, start_command: StartCommand, tmp_path: Path) -> None:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        command = start_command("train.py", "hydra.run.dir=run", "trainer.max_epochs=10000", "board=minimal")
        wait_for(tmp_path / "run/checkpoints/best.safetensors")  # of the first epoch
        os.kill(command.pid, signal.SIGINT)
        done = command.finish()
        assert done.returncode == 130
        assert done.stderr == (
            "convboard: interrupted by SIGINT; the run is saved. Go on with it: python train.py resume=run\n"
        )
        epoch = last_checkpoint(tmp_path / "run").state["epoch"]
        assert epoch >= 1
        events = EventAccumulator(str(tmp_path / "run"))
        events.Reload()
        assert len(events.Scalars("loss/val")) >= epoch
        assert not (tmp_path / "run/run.lock").exists()

    def test_before_it_began_nothing_is_left(self, start_command: StartCommand, tmp_path: Path) -> None:
        (tmp_path / "mynet.py").write_text("import time; print(file=open('there', 'w'), flush=True); time.sleep(60)")
        command = start_command("train.py", "model._target_=mynet.MyNet")
        wait_for(tmp_path / "there")
        os.kill(command.pid, signal.SIGINT)
        done = command.finish()
        assert (done.returncode, done.stderr) == (130, "convboard: interrupted before the first step.\n")
        assert not (tmp_path / "outputs").exists()


def wait_for(path: Path) -> None:
    for _ in range(1200):
        if path.is_file() and path.stat().st_size:
            return
        time.sleep(0.05)
    pytest.fail(f"{path} did not come")


class TestALossThatIsNotFinite:
    def test_it_stops_the_run_and_keeps_the_good_checkpoint(self, run_command: RunCommand, tmp_path: Path) -> None:
        (tmp_path / "mynet.py").write_text(GOES_WRONG)
        done = run_command(
            "train.py", "model._target_=mynet.GoesWrong", "hydra.run.dir=run", "board=minimal", expected_code=2
        )
        assert done.stderr == (
            "convboard: The loss is nan at step 31 (epoch 2); the run stopped before the optimizer took that step, "
            "and the checkpoints of earlier epochs are good. Try a lower optimizer.lr, a warm-up "
            "(scheduler.warmup_epochs=1), trainer.gradient_clip=1, or trainer.precision=fp32 if it was bf16.\n"
        )
        checkpoint = last_checkpoint(tmp_path / "run")
        assert checkpoint.state["epoch"] == 1
        assert all(tensor.isfinite().all() for tensor in checkpoint.model.values())
        assert b"The loss is nan at step 31" in next((tmp_path / "run").glob("events*")).read_bytes()

    def test_so_does_a_learning_rate_that_is_far_too_high(self, run_command: RunCommand) -> None:
        done = run_command("train.py", "optimizer.lr=1e9", "board=minimal", expected_code=2)
        assert re.match(
            r"convboard: The loss is nan at step \d+ \(epoch 1\); the run stopped before the optimi", done.stderr
        )


GOES_WRONG = """
from torch import nn

class GoesWrong(nn.Module):
    def __init__(self, in_channels, image_size, num_classes):
        super().__init__()
        self.classify = nn.Linear(in_channels * image_size**2, num_classes)
        self.steps = 0

    def forward(self, images):
        logits = self.classify(images.flatten(1))
        self.steps += self.training
        return logits / 0 * 0 if self.steps > 30 else logits
"""


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
        resident = run("dataset.residence=device", "board=minimal")
        for workers in (0, 2):
            assert_same_weights(
                resident, run("dataset.residence=stream", f"dataset.num_workers={workers}", "board=minimal")
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
    def sweep(self, run_command: RunCommand, tmp_path: Path) -> Callable[..., dict[str, dict[str, float]]]:
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

    def test_every_network_on_digits_and_on_pictures(
        self, sweep: Callable[..., dict[str, dict[str, float]]], tmp_path: Path
    ) -> None:
        from PIL import Image

        for label, colour in (("cat", "orange"), ("dog", "brown")):
            (tmp_path / "pictures" / label).mkdir(parents=True)
            for number in range(20):
                Image.new("RGB", (40 + number, 40), colour).save(tmp_path / "pictures" / label / f"{number}.png")
        assert len(sweep(self.MODELS, "dataset=digits", "board=minimal")) == 9
        assert len(sweep(self.MODELS, "dataset=image_folder", "dataset.path=pictures", "board=minimal")) == 9

    def test_every_network_on_mnist_and_cifar10(
        self, sweep: Callable[..., dict[str, dict[str, float]]], data_dir: Path
    ) -> None:
        assert len(sweep(self.MODELS, "dataset=mnist,cifar10", f"data_dir={data_dir}", "board=minimal")) == 18

    def test_every_preset(self, sweep: Callable[..., dict[str, dict[str, float]]], data_dir: Path) -> None:
        presets = sorted(path.stem for path in (ROOT / "conf/experiment").glob("*.yaml"))
        jobs = sweep(f"experiment={','.join(presets)}", f"data_dir={data_dir}", "board=minimal")
        assert len(jobs) == len(presets)

    def test_every_optimizer_with_every_schedule(self, sweep: Callable[..., dict[str, dict[str, float]]]) -> None:
        jobs = sweep(
            "optimizer=sgd,adam,adamw,rmsprop",
            "scheduler=none,cosine,one_cycle,step",
            "scheduler.warmup_epochs=0,1",
            "board=minimal",
        )
        assert len(jobs) == 32
        assert len({metrics["loss/val"] for metrics in jobs.values()}) > 16  # they are not all the same

    def test_any_optimizer_of_torch(self, sweep: Callable[..., dict[str, dict[str, float]]]) -> None:
        others = ["ASGD", "Adadelta", "Adafactor", "Adagrad", "Adamax", "NAdam", "RAdam", "Rprop"]
        jobs = sweep("optimizer._target_=" + ",".join(f"torch.optim.{name}" for name in others), "board=minimal")
        assert len(jobs) == len(others)

    def test_losses_precision_and_memory_format(self, sweep: Callable[..., dict[str, dict[str, float]]]) -> None:
        jobs = sweep(
            "loss=cross_entropy,mse", "trainer.precision=fp32,bf16", "trainer.channels_last=true,false", "board=minimal"
        )
        assert len(jobs) == 8
        for name, metrics in jobs.items():  # of 10 classes, untrained: log(10), or about a tenth
            assert metrics["loss/val"] == pytest.approx(0.1 if "loss=mse" in name else 2.3, abs=0.1)

    def test_the_trainer(self, sweep: Callable[..., dict[str, dict[str, float]]]) -> None:
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


class TestANetworkOfOnesOwn:
    def test_a_module_in_the_working_directory(self, run_command: RunCommand, tmp_path: Path) -> None:
        (tmp_path / "mynet.py").write_text(GOES_WRONG)
        done = run_command("train.py", "model._target_=mynet.GoesWrong", *SHORT)
        assert done.stdout.startswith("GoesWrong, 7,850 parameters\ndigits, 1x28x28, ")
        assert len(list(tmp_path.glob("outputs/digits/GoesWrong/*/result.json"))) == 1

    def test_an_option_of_one_s_own(self, run_command: RunCommand, tmp_path: Path) -> None:
        (tmp_path / "mynet.py").write_text(GOES_WRONG)
        (tmp_path / "conf/model").mkdir(parents=True)
        (tmp_path / "conf/model/mine.yaml").write_text("_target_: mynet.GoesWrong\nimage_size: 16\n")
        done = run_command("train.py", "--config-dir=conf", "model=mine", *SHORT)
        assert done.stdout.startswith("GoesWrong, 2,570 parameters\ndigits, 1x16x16, ")
        assert len(list(tmp_path.glob("outputs/digits/mine/*/result.json"))) == 1

    def test_a_list_of_layers(self, run_command: RunCommand, tmp_path: Path) -> None:
        layers = "[{conv: {out_channels: 4, kernel_size: 3, stride: 2}}, batch_norm, relu, flatten, linear]"
        done = run_command("train.py", "model=sequential", f"model.layers={layers}", *SHORT)
        assert done.stdout.startswith("sequential, 6,818 parameters\n")
        assert len(list(tmp_path.glob("outputs/digits/sequential/*/result.json"))) == 1
