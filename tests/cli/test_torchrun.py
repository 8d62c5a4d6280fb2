"""Several processes that train one network: the same run as one process makes, and one end for all of them.

What torchrun adds is the environment that tells a process of the others, and an eye on them. Most tests start the
processes without it, from a server that has imported torch.
"""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from convboard.training.checkpoint import load_checkpoint

ROOT = Path(__file__).parents[2]
StartCommand = Callable[..., Any]
RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
Ended = list["subprocess.CompletedProcess[str]"]
STEPS = 13
# Parts of 50 and 50 images, and in the last step of 97 images 49 and 48.
CONFIG = ["batch_size=100", "trainer.max_epochs=2", "trainer.checkpoint_minutes=0", "board.scalar_every=1"]
# In its step number $AT, 0 for while it is built, each process does what $FAIL says for it: "loop,SIGKILL" by rank.
NETWORK = """
import os, pathlib, signal, time
from torch import Tensor, nn

class Net(nn.Module):
    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, 4, 5), nn.BatchNorm2d(4), nn.Tanh(), nn.Dropout(0.2), nn.Flatten(),
            nn.LazyLinear(num_classes))
        self.steps = 0
        self.fail()

    def forward(self, images: Tensor) -> Tensor:
        self.steps += self.training
        self.fail()
        return self.layers(images)

    def fail(self) -> None:
        if "FAIL" not in os.environ or self.steps != int(os.environ.get("AT", 20)):
            return
        rank = os.environ["RANK"]
        how = os.environ["FAIL"].split(",")[int(rank)]
        pathlib.Path(f"there-{rank}").touch()
        if how == "raise":
            raise ArithmeticError("one and one is three")
        while how == "loop":
            time.sleep(0.1)
        if how:
            os.kill(os.getpid(), getattr(signal, how))
"""
GO_ON = rf"Go on with it: torchrun \.\.\. {re.escape(str(ROOT / 'train.py'))} resume=run model\._target_=network\.Net\n"


def wait_until(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def port() -> int:
    """One that is free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def start_rank(start_command: StartCommand, port: int) -> StartCommand:
    """Start one of two processes of train.py, as torchrun does."""
    shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}

    def start(rank: int, *arguments: str, **more: str) -> Any:
        own = {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        return start_command("train.py", *arguments, environment={**shared, **own, **more})

    return start


@pytest.fixture
def start_ranks(start_rank: StartCommand) -> Callable[..., list[Any]]:
    """Start both."""

    def start(*arguments: str, **more: str) -> list[Any]:
        return [start_rank(rank, *arguments, **more) for rank in (0, 1)]

    return start


@pytest.fixture
def run_ranks(start_ranks: Callable[..., list[Any]]) -> Callable[..., Ended]:
    """Run two processes of train.py to their end."""

    def run(*arguments: str, **more: str) -> Ended:
        return [command.finish() for command in start_ranks(*arguments, **more)]

    return run


def scalars(run: Path) -> dict[tuple[str, int], float]:
    """The value by tag and step, as TensorBoard reads it, without what is measured."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run), size_guidance={"scalars": 0})
    events.Reload()
    tags = [tag for tag in events.Tags()["scalars"] if not tag.startswith("throughput")]
    return {(tag, event.step): event.value for tag in tags for event in events.Scalars(tag)}


def environment(run: Path) -> str:
    """What stands in TensorBoard's text."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (text,) = EventAccumulator(str(run)).Reload().Tensors("environment")
    return str(text.tensor_proto.string_val[0], "utf-8")


def assert_same(run: Path, other: Path) -> None:
    """Equal to the last bit."""
    for name in ("best", "last"):
        ours, theirs = (load_checkpoint(folder / "checkpoints" / f"{name}.safetensors") for folder in (run, other))
        for part in ("model", "optimizer", "rng"):
            torch.testing.assert_close(getattr(ours, part), getattr(theirs, part), rtol=0, atol=0)
    assert scalars(run) == scalars(other)


def last_step(run: Path) -> int:
    return int(load_checkpoint(run / "checkpoints/last.safetensors").state["global_step"])


class TestTorchrun:
    """The real thing."""

    @pytest.fixture
    def torchrun(self, start_command: StartCommand, tmp_path: Path) -> RunCommand:
        def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
            options = ["--standalone", "--nproc-per-node", "2", str(ROOT / "train.py")]
            command = start_command("tests/torchrun.py", *options, *arguments, environment=environment)
            done: subprocess.CompletedProcess[str] = command.finish()
            return done

        return run

    @pytest.mark.thorough
    def test_two_processes_train_as_one_does(
        self, torchrun: RunCommand, run_command: RunCommand, tmp_path: Path
    ) -> None:
        # The last step is of a single image, so that a process has none; two batches make a step; and all else that
        # changes what a batch is worth.
        config = [
            *("batch_size=27", "trainer.accumulate_batches=2", "trainer.max_epochs=1", "board.scalar_every=1"),
            *("dataset.random_crop=2", "dataset.horizontal_flip=true", "loss.label_smoothing=0.1"),
            *("trainer.gradient_clip=0.5", "optimizer.lr=0.02", "trainer.eval_batch_size=83"),
        ]
        run_command("train.py", *config, "hydra.run.dir=one")
        done = torchrun(*config)
        assert done.returncode == 0, done.stderr
        (two,) = tmp_path.glob("outputs/digits/lenet/*")
        assert len(list(two.glob("*tfevents*"))) == 1
        assert done.stdout.count("1/1") == 1
        (device,) = re.findall(
            r"^device: +(cpu, 2 processes of \d+ threads? each, fp32, channels_last)$", done.stdout, re.M
        )
        assert f"| device | {device} |" in environment(two)
        assert "convboard" not in done.stderr
        one, other = scalars(tmp_path / "one"), scalars(two)
        assert one.keys() == other.keys()
        assert one == pytest.approx(other, abs=1e-5)

    @pytest.mark.thorough
    def test_a_killed_process_ends_all(self, torchrun: RunCommand, tmp_path: Path) -> None:
        (tmp_path / "network.py").write_text(NETWORK)
        done = torchrun(*CONFIG, "model._target_=network.Net", "hydra.run.dir=run", FAIL=",SIGKILL")
        assert done.returncode == 1
        gone = r"^convboard: rank 1: process \d+ on \S+ is gone: it was killed, or its machine is down\.\n"
        assert re.search(gone + GO_ON, done.stderr, re.MULTILINE)
        assert done.stderr.count("convboard: ") == 1
        assert last_step(tmp_path / "run") >= 18


def test_rounding_alone_sets_two_processes_apart_from_one(
    run_ranks: Callable[..., Ended], run_command: RunCommand, tmp_path: Path
) -> None:
    """BatchNorm lets it grow from step to step; in float64 there is hardly any."""
    (tmp_path / "exact.py").write_text(
        """
from torch import Tensor
from convboard.models.batchnorm_cnn import BatchNormCNN

class Net(BatchNormCNN):
    def __init__(self, in_channels: int, image_size: int, num_classes: int) -> None:
        super().__init__(in_channels, image_size, num_classes)
        self.double()

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images.double())
"""
    )
    config = ["model._target_=exact.Net", "batch_size=99", "trainer.max_epochs=1", "board=minimal"]
    run_command("train.py", *config, "hydra.run.dir=one")
    assert [done.returncode for done in run_ranks(*config, "hydra.run.dir=two")] == [0, 0]
    one, two = (load_checkpoint(tmp_path / run / "checkpoints/last.safetensors").model for run in ("one", "two"))
    assert one["conv1.weight"].dtype == torch.float64
    torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-10)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("raise", r"rank 1: Traceback[\s\S]*ArithmeticError: one and one is three"),
        (
            "loop",
            r"rank 1: no progress in step 20 for \d s, at\n[\s\S]*network.py[\s\S]*time\.sleep\(0\.1\)",
        ),
        ("SIGSTOP", r"rank 1: process \d+ on \S+ sent no heartbeat for 2 s: it is stopped, or cut off.\n"),
    ],
    ids=["raising", "endless", "stopped"],
)
def test_one_that_fails_ends_all_and_says_why(
    how: str, cause: str, run_ranks: Callable[..., Ended], tmp_path: Path
) -> None:
    (tmp_path / "network.py").write_text(NETWORK)
    arguments = ("model._target_=network.Net", "hydra.run.dir=run", "trainer.rank_timeout=2")
    first, second = run_ranks(*CONFIG, *arguments, FAIL=f",{how}")
    assert re.fullmatch(rf"convboard: {cause}\s*{GO_ON}", first.stderr)
    assert second.stderr == ""
    assert first.returncode == 1
    assert second.returncode == (-signal.SIGKILL if how == "SIGSTOP" else 1)
    assert last_step(tmp_path / "run") >= 18


@pytest.mark.thorough
def test_killed_it_goes_on_as_if_nothing_had_been(run_ranks: Callable[..., Ended], tmp_path: Path) -> None:
    (tmp_path / "network.py").write_text(NETWORK)
    network = "model._target_=network.Net"
    whole = run_ranks(*CONFIG, network, "hydra.run.dir=whole")
    assert [done.returncode for done in whole] == [0, 0]
    assert "/" in "".join(load_checkpoint(tmp_path / "whole/checkpoints/last.safetensors").rng)
    run_ranks(*CONFIG, network, "hydra.run.dir=killed", FAIL=",SIGKILL", AT="7")
    assert 5 <= last_step(tmp_path / "killed") < STEPS
    all_at_once = run_ranks(network, "resume=killed", FAIL="SIGKILL,SIGKILL", AT="12")
    assert [done.returncode for done in all_at_once] == [-signal.SIGKILL] * 2
    assert STEPS < last_step(tmp_path / "killed") < 2 * STEPS
    first, second = run_ranks(network, "resume=killed")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert "resumed after 1 epoch, " in first.stdout
    assert second.stdout == ""
    assert_same(tmp_path / "killed", tmp_path / "whole")


def test_a_signal_to_one_ends_all_after_the_same_step(
    start_ranks: Callable[..., list[Any]], run_command: RunCommand, tmp_path: Path
) -> None:
    ranks = start_ranks(*CONFIG, "trainer.max_epochs=500", "hydra.run.dir=ended")
    wait_until((tmp_path / "ended/checkpoints/best.safetensors").exists)
    os.kill(ranks[1].pid, signal.SIGTERM)
    first, second = (command.finish() for command in ranks)
    assert (first.returncode, second.returncode) == (143, 143)
    assert first.stderr == (
        "convboard: interrupted by SIGTERM; the run is saved. Go on with it: "
        f"torchrun ... {ROOT / 'train.py'} resume=ended\n"
    )
    assert second.stderr == ""
    epoch = last_step(tmp_path / "ended") // STEPS
    alone = run_command("train.py", "resume=ended", f"trainer.max_epochs={epoch + 1}")
    assert "was saved by a run of 2 processes, and this one has 1" in alone.stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_before_the_first_step_is_told_once(
    number: int, code: int, start_ranks: Callable[..., list[Any]], tmp_path: Path
) -> None:
    (tmp_path / "network.py").write_text(NETWORK)
    ranks = start_ranks("model._target_=network.Net", FAIL="loop,loop", AT="0")
    wait_until(lambda: all((tmp_path / f"there-{rank}").exists() for rank in (0, 1)))
    for _ in range(5):  # from the terminal, and from torchrun
        for rank in ranks:
            with suppress(ProcessLookupError):
                os.kill(rank.pid, number)
        time.sleep(0.02)
    first, second = (command.finish() for command in ranks)
    assert (first.stderr, second.stderr) == ("convboard: interrupted before the first step.\n", "")
    assert (first.returncode, second.returncode) == (code, code)
    assert not (tmp_path / "outputs").exists()


def test_a_signal_while_the_processes_meet_is_told_once(start_rank: StartCommand, port: int) -> None:
    first = start_rank(0)
    wait_until(lambda: is_open(port))
    os.kill(first.pid, signal.SIGINT)
    second = start_rank(1).finish()
    first = first.finish()
    assert (first.stderr, second.stderr) == ("convboard: interrupted.\n", "")
    assert (first.returncode, second.returncode) == (130, 130)


def is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.thorough
def test_killed_before_the_first_step_it_is_named(start_ranks: Callable[..., list[Any]], tmp_path: Path) -> None:
    (tmp_path / "network.py").write_text(NETWORK)
    first, second = start_ranks("model._target_=network.Net", FAIL="loop,SIGKILL", AT="0")
    second.finish()
    wait_until((tmp_path / "there-0").exists)
    os.kill(first.pid, signal.SIGTERM)  # as torchrun does then
    done = first.finish()
    assert re.fullmatch(r"convboard: rank 1: process \d+ on \S+ is gone: it was killed, or .*\.\n", done.stderr)
    assert done.returncode == 1


def test_a_recorded_step_of_one_process_is_several_processes_own_again(
    run_ranks: Callable[..., Ended], run_command: RunCommand, tmp_path: Path
) -> None:
    run_command("train.py", *CONFIG, "trainer.max_epochs=1", "hydra.run.dir=run")
    file = tmp_path / "run/plan.json"
    file.write_text(file.read_text().replace('"cuda_graph": false', '"cuda_graph": true'))
    first, second = run_ranks("resume=run", "trainer.max_epochs=2")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert last_step(tmp_path / "run") == 2 * STEPS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("batch_size=0",), "batch_size=0: must be at least 1."),
        (("model=lenet", "dataset.image_size=8"), "Conv2d conv2 has a window of 5x5"),
        (("hydra.run.dir=.",), "already contains a run"),
        (("-m", "seed=1,2"), "-m: torchrun cannot run a sweep"),
    ],
    ids=["config", "network", "directory", "sweep"],
)
def test_a_mistake_is_told_once(
    arguments: tuple[str, ...], message: str, run_ranks: Callable[..., Ended], tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").touch()
    first, second = run_ranks(*arguments)
    assert first.stderr.startswith("convboard: ")
    assert message in first.stderr
    assert first.stderr.count(message) == 1
    assert first.stderr.endswith("\n")
    assert second.stderr == ""
    assert (first.returncode, second.returncode) == (2, 2)
    assert not (tmp_path / "outputs").exists()
