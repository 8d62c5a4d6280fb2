"""One run from the command line: what it leaves and says, in a file and in a terminal, and how it can end."""

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
from urllib.parse import quote

import pytest

import convboard
from convboard.training.checkpoint import Checkpoint, load_checkpoint

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
StartCommand = Callable[..., Any]
SHORT = ("trainer.max_epochs=2", "trainer.limit_train_batches=3", "trainer.limit_test_batches=1")


def last_checkpoint(run: Path) -> Checkpoint:
    return load_checkpoint(run / "checkpoints/last.safetensors")


class TestTheDefaultRun:
    def test_what_it_leaves_and_says(
        self, run_command: RunCommand, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        environment = {"XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache"))}  # no plan is remembered
        done = run_command("train.py", "trainer.max_epochs=2", "trainer.device=cpu", environment=environment)
        (run,) = tmp_path.glob("outputs/digits/lenet/*")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-[0-9a-f]{6}", run.name)
        files = sorted(str(path.relative_to(run)) for path in run.rglob("*") if path.is_file())
        event_file = files.pop(-4)
        assert event_file.startswith("events.out.tfevents.")
        assert files == [
            *("checkpoints/best.safetensors", "checkpoints/last.safetensors", "checkpoints/previous.safetensors"),
            *("config.yaml", "curves.csv", "dataset.json", "plan.json", "result.json", "summary.json"),
        ]
        assert [path.name for path in tmp_path.iterdir()] == ["outputs"]  # nothing else anywhere
        finished = convboard.load_run(run)
        assert finished.config.trainer.max_epochs == 2
        assert finished.result["status"] == "finished"
        assert finished.result["objective"] == finished.result["metrics"]["accuracy/val"]
        assert finished.result["epochs"] == 2
        assert done.stderr == ""
        shown = run.relative_to(tmp_path)
        link = quote(str(shown.relative_to("outputs")), safe="")
        assert said(done.stdout) == SAID.format(run=shown, link=link, threads=os.environ["OMP_NUM_THREADS"])

    def test_a_plain_output_has_no_control_characters(self, run_command: RunCommand) -> None:
        done = run_command("train.py", "trainer.max_epochs=1")
        assert not re.search(r"[\x00-\x09\x0b-\x1f]", done.stdout)
        assert "left" not in done.stdout

    def test_through_uv_it_says_how_to_look_through_uv(self, run_command: RunCommand) -> None:
        done = run_command("train.py", *SHORT, environment={"UV": "/usr/bin/uv"})
        assert done.stdout.endswith("\nlook at it: uv run tensorboard --logdir outputs\n")


SAID = """\
network:    LeNet, 61,706 parameters
data:       digits, 1x32x32, 10 classes
images:     1,297 / 250 / 250 to train / val / test
optimizer:  SGD, lr=0.02, momentum=0.9, nesterov=true, weight_decay=0.0000
schedule:   OneCycle, rise=0.3, warmup_epochs=0, initial_factor=0.04, final_factor=0.0000
device:     cpu ({threads} thread), fp32, channels_last
plan:       not measured, since the run is short
run:        {run}
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
time:       0.0 s of training and evaluation
run:        {run}
layers:     http://localhost:6006/#layers&p.layers.run={link}
look at it: tensorboard --logdir outputs
"""


def _aligned(zero: str, found: re.Match[str]) -> str:
    return zero.rjust(len(found[0]))


def said(printed: str) -> str:
    """What was printed, with zeros for what is measured, right-aligned as it was."""
    for number, zero in ((r" *\d+\.\d\d%", "0.00%"), (r"\d+\.\d{4}", "0.0000"), (r" [\d,]+$", " 0")):
        printed = re.sub(number, partial(_aligned, zero), printed, flags=re.MULTILINE)
    printed = re.sub(r"^epoch \d of", "epoch 0 of", printed, flags=re.MULTILINE)
    return re.sub(r" \d+\.\d s", " 0.0 s", printed, flags=re.MULTILINE)


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
    comm, theirs = pty.openpty()
    command = start_command("train.py", *arguments, terminal=theirs, environment={"COLUMNS": "100", "TERM": "xterm"})
    os.close(theirs)
    written = b""
    while select.select([comm], [], [], 60)[0]:
        try:
            chunk = os.read(comm, 1 << 16)
        except OSError:  # nobody has the other end any more
            break
        if not chunk:
            break
        written += chunk
    os.close(comm)
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
            "and the checkpoints of earlier epochs are good. Try an optimizer.lr below 0.02, a warm-up "
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


class TestANetworkOfOnesOwn:
    def test_a_module_in_the_working_directory(self, run_command: RunCommand, tmp_path: Path) -> None:
        (tmp_path / "mynet.py").write_text(GOES_WRONG)
        done = run_command("train.py", "model._target_=mynet.GoesWrong", *SHORT)
        assert done.stdout.startswith("network:    GoesWrong, 7,850 parameters\ndata:       digits, 1x28x28, ")
        assert len(list(tmp_path.glob("outputs/digits/GoesWrong/*/result.json"))) == 1

    def test_an_option_of_one_s_own(self, run_command: RunCommand, tmp_path: Path) -> None:
        (tmp_path / "mynet.py").write_text(GOES_WRONG)
        (tmp_path / "conf/model").mkdir(parents=True)
        (tmp_path / "conf/model/mine.yaml").write_text("_target_: mynet.GoesWrong\nimage_size: 16\n")
        done = run_command("train.py", "--config-dir=conf", "model=mine", *SHORT)
        assert done.stdout.startswith("network:    GoesWrong, 2,570 parameters\ndata:       digits, 1x16x16, ")
        assert len(list(tmp_path.glob("outputs/digits/mine/*/result.json"))) == 1

    def test_a_list_of_layers(self, run_command: RunCommand, tmp_path: Path) -> None:
        layers = "[{conv: {out_channels: 4, kernel_size: 3, stride: 2}}, batch_norm, relu, flatten, linear]"
        done = run_command("train.py", "model=sequential", f"model.layers={layers}", *SHORT)
        assert done.stdout.startswith("network:    sequential, 6,818 parameters\n")
        assert len(list(tmp_path.glob("outputs/digits/sequential/*/result.json"))) == 1


def test_a_network_that_ends_the_program_is_named(run_command: RunCommand, tmp_path: Path) -> None:
    network = tmp_path / "ending.py"
    network.write_text(
        "import sys\nfrom torch import nn\n\nclass Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.fc, self.calls = nn.LazyLinear(10), 0\n\n"
        "    def forward(self, x):\n        self.calls += 1\n"
        "        if self.calls > 20:\n            sys.exit(0)\n        return self.fc(x.flatten(1))\n"
    )
    done = run_command("train.py", "model._target_=ending.Net", "hydra.run.dir=run", expected_code=2)
    assert done.stderr == (
        f"convboard: The run was ended by sys.exit(0) in {network}, line 12. Raise an exception there instead, which "
        "says what is wrong.\n"
    )
