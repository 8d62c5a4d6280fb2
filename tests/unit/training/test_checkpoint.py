"""A checkpoint comes back to the last bit, or is refused; and it is whole whatever kills the process."""

import copy
import errno
import hashlib
import json
import math
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from convboard.errors import CheckpointError
from convboard.models import BatchNormCNN
from convboard.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    load_latest,
    load_weights,
    save_checkpoint,
    save_latest,
)
from python_code import first_line, start

OLDER_RUNS = Path(__file__).parents[2] / "data/runs_of_version_0_1"
DTYPES = (
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int8,
    torch.uint8,
    torch.bool,
)


def checkpoint_of(**parts: Any) -> Checkpoint:
    return Checkpoint(**{"model": {}, "optimizer": {}, "rng": {}, "state": {}, **parts})


def round_trip(path: Path, **parts: Any) -> Checkpoint:
    save_checkpoint(path, checkpoint_of(**parts))
    return load_checkpoint(path)


def same(first: Any, second: Any) -> bool:
    """Equal to the last bit, in type, dtype, shape and strides; NaN equals NaN."""
    if type(first) is not type(second):
        return False
    if isinstance(first, Tensor):
        bits = [tensor.contiguous().flatten().view(torch.uint8) for tensor in (first, second)]
        layouts = [(tensor.dtype, tensor.shape, tensor.stride()) for tensor in (first, second)]
        return layouts[0] == layouts[1] and torch.equal(bits[0], bits[1])
    if isinstance(first, dict):
        return list(first) == list(second) and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second) or (first != first and second != second)


def small_net() -> nn.Module:
    """Convolutions in channels_last, as the trainer's plan may have them; one with a single input channel."""
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 8, 3, stride=2),
        nn.Flatten(),
        nn.Linear(8 * 3 * 3, 10),
    )
    return net.to(memory_format=torch.channels_last)


def train(net: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    """Some steps on fixed random data, one batch for each step."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        images = torch.randn(8, 1, 8, 8, generator=generator).to(memory_format=torch.channels_last)
        labels = torch.randint(10, (8,), generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


# --- What comes back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (3, 4), (2, 3, 5, 5)], ids=str)
def test_any_tensor_comes_back_to_the_last_bit(tmp_path: Path, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    tensor = (torch.randn(shape) * 3).to(dtype)
    loaded = round_trip(tmp_path / "c", model={"weight": tensor})
    assert same(loaded.model, {"weight": tensor})


def test_special_floats_in_tensors_come_back(tmp_path: Path) -> None:
    tensor = torch.tensor([math.nan, math.inf, -math.inf, -0.0, 1e-45])
    assert same(round_trip(tmp_path / "c", model={"w": tensor}).model["w"], tensor)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.randn(4, 3, 5, 5).to(memory_format=torch.channels_last),
        torch.randn(6, 1, 5, 5).to(memory_format=torch.channels_last),  # contiguous in both formats
        torch.randn(4, 3).t(),
    ],
    ids=["channels_last", "one input channel", "transposed"],
)
def test_memory_formats_come_back(tmp_path: Path, tensor: Tensor) -> None:
    assert same(round_trip(tmp_path / "c", optimizer={"w": tensor}).optimizer["w"], tensor)


def test_views_of_one_buffer_come_back_on_their_own(tmp_path: Path) -> None:
    buffer = torch.arange(12.0)
    views = {
        "front": buffer[:7],
        "back": buffer[5:],
        "every second": buffer[::2],
        "matrix": buffer.view(3, 4),
        "expanded": buffer[:1].expand(3),
        "whole": buffer,
    }
    loaded = round_trip(tmp_path / "c", model=views).model
    assert same(loaded, {name: view.contiguous() for name, view in views.items()})
    assert len({tensor.untyped_storage().data_ptr() for tensor in loaded.values()}) == len(views)


def test_tied_tensors_are_stored_once_and_come_back_tied(tmp_path: Path) -> None:
    weight = torch.randn(16, 8, 4, 4).to(memory_format=torch.channels_last)
    loaded = round_trip(tmp_path / "c", model={"encoder": weight, "decoder": weight}).model
    assert loaded["encoder"] is loaded["decoder"]
    assert same(loaded["decoder"], weight)
    assert (tmp_path / "c").stat().st_size < 1.5 * weight.nbytes


def test_a_tied_network_comes_back(tmp_path: Path) -> None:
    def tied() -> nn.Sequential:
        net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
        net[2].weight = net[0].weight
        return net

    first, second = tied(), tied()
    load_weights(second, round_trip(tmp_path / "c", model=first.state_dict()), tmp_path / "c")
    images = torch.randn(2, 4)
    assert torch.equal(first(images), second(images))
    assert second[2].weight is second[0].weight


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.sampled_from(["$tensor", "$dict", "$"]) | st.integers(), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=60)
@given(state=st.dictionaries(st.text(), JSON_LIKE))
def test_any_state_comes_back(tmp_path_factory: pytest.TempPathFactory, state: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "any_state.safetensors"
    assert same(round_trip(path, state=state).state, state)


def test_keys_that_lead_to_one_path_stay_apart(tmp_path: Path) -> None:
    model = {"a": {"b/c": torch.zeros(1)}, "a/b": {"c": torch.ones(1)}}
    assert same(round_trip(tmp_path / "c", model=model).model, model)


def test_the_random_state_comes_back(tmp_path: Path) -> None:
    state = torch.get_rng_state()
    wanted = torch.rand(5)
    torch.set_rng_state(round_trip(tmp_path / "c", rng={"torch": state}).rng["torch"])
    assert torch.equal(torch.rand(5), wanted)


def test_what_is_neither_tensor_nor_json_is_a_bug(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"state/callbacks/1 is a set, which a checkpoint cannot hold: \{1\}"):
        save_checkpoint(tmp_path / "c", checkpoint_of(state={"callbacks": [0, {1}]}))
    assert not list(tmp_path.iterdir())


# --- What is in the file ---------------------------------------------------------------------------------------


def test_the_file_is_safetensors_with_readable_names_and_strict_json(tmp_path: Path) -> None:
    net = nn.Linear(2, 3)
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.randn(1, 2)).sum().backward()
    optimizer.step()
    save_checkpoint(
        tmp_path / "c",
        Checkpoint(net.state_dict(), optimizer.state_dict(), {"torch": torch.get_rng_state()}, {"nan": math.nan}),
    )
    names = set(safetensors.torch.load_file(tmp_path / "c"))
    moments = {f"optimizer/{i}/{key}" for i in (0, 1) for key in ("step", "exp_avg", "exp_avg_sq")}
    assert names == {"model/weight", "model/bias", "rng/torch"} | moments

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    with safetensors.safe_open(tmp_path / "c", "pt") as file:
        json.loads(file.metadata()["convboard"], parse_constant=refuse)


def test_the_same_checkpoint_gives_the_same_bytes(tmp_path: Path) -> None:
    parts = checkpoint_of(model=small_net().state_dict(), state={"epoch": 3, "best": 0.5})
    for name in ("first", "second"):
        save_checkpoint(tmp_path / name, parts)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


# --- Going on --------------------------------------------------------------------------------------------------

OPTIMIZERS: dict[str, Callable[[Iterator[nn.Parameter]], torch.optim.Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "sgd momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "adam amsgrad": lambda p: torch.optim.Adam(p, lr=0.01, amsgrad=True, betas=(0.8, 0.99)),
    "adam lr in a tensor": lambda p: torch.optim.Adam(p, lr=torch.tensor(0.01), foreach=False),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "adamw fused": lambda p: torch.optim.AdamW(p, lr=0.01, fused=True),
    "adamax": lambda p: torch.optim.Adamax(p, lr=0.01),
    "nadam": lambda p: torch.optim.NAdam(p, lr=0.01),
    "radam": lambda p: torch.optim.RAdam(p, lr=0.01),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.9, centered=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.01),
    "adadelta": lambda p: torch.optim.Adadelta(p),
    "rprop": lambda p: torch.optim.Rprop(p),
    "asgd": lambda p: torch.optim.ASGD(p),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_goes_on_as_if_it_had_never_stopped(tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)
    net = small_net()
    optimizer = OPTIMIZERS[name](net.parameters())
    train(net, optimizer, steps=3)
    save_checkpoint(tmp_path / "c", checkpoint_of(model=net.state_dict(), optimizer=optimizer.state_dict()))

    torch.manual_seed(99)
    resumed_net = small_net()
    resumed_optimizer = OPTIMIZERS[name](resumed_net.parameters())
    checkpoint = load_checkpoint(tmp_path / "c")
    assert same(checkpoint.optimizer, optimizer.state_dict())
    load_weights(resumed_net, checkpoint, tmp_path / "c")
    resumed_optimizer.load_state_dict(checkpoint.optimizer)
    for some_net, some_optimizer in ((net, optimizer), (resumed_net, resumed_optimizer)):
        train(some_net, some_optimizer, steps=3)
    assert same(dict(resumed_net.state_dict()), dict(net.state_dict()))
    assert same(resumed_optimizer.state_dict(), optimizer.state_dict())


@pytest.mark.parametrize("run", ["finished", "killed"])
@pytest.mark.parametrize("name", ["best", "last", "previous"])
def test_checkpoints_of_version_0_1_are_read(run: str, name: str) -> None:
    checkpoint = load_checkpoint(OLDER_RUNS / run / "checkpoints" / f"{name}.safetensors")
    load_weights(BatchNormCNN(in_channels=1, image_size=28, num_classes=10), checkpoint, OLDER_RUNS)
    assert checkpoint.state["processes"] == 1


# --- What is refused -------------------------------------------------------------------------------------------


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "last.safetensors"
    net = nn.Linear(3, 2)
    state = {"epoch": 3, "note": "sha256"}
    save_checkpoint(path, checkpoint_of(model=net.state_dict(), rng={"r": torch.zeros(3)}, state=state))
    return path


def refusal(path: Path) -> str:
    return (
        f"{path} is not a whole checkpoint: it is truncated, altered, or was not written by convboard. "
        "Nothing was loaded from it. Take another checkpoint of the run, or train it again."
    )


def test_a_file_cut_at_any_byte_is_refused(saved: Path) -> None:
    content = saved.read_bytes()
    for length in range(len(content)):
        saved.write_bytes(content[:length])
        with pytest.raises(CheckpointError) as raised:
            load_checkpoint(saved)
        assert str(raised.value) == refusal(saved)


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x2A, 0x80, 0xFF])  # 0x2A turns a space into a line feed
def test_a_file_with_any_byte_altered_is_refused(saved: Path, flip: int) -> None:
    content = saved.read_bytes()
    for position in range(len(content)):
        altered = bytearray(content)
        altered[position] ^= flip
        saved.write_bytes(altered)
        with pytest.raises(CheckpointError) as raised:
            load_checkpoint(saved)
        assert str(raised.value) == refusal(saved)


def test_a_longer_file_is_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes() + b"\0")
    with pytest.raises(CheckpointError, match="is not a whole checkpoint"):
        load_checkpoint(saved)


def test_another_program_s_safetensors_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    safetensors.torch.save_file({"weight": torch.zeros(2)}, path, {"convboard": "{}"})
    with pytest.raises(CheckpointError, match="was not written by convboard"):
        load_checkpoint(path)


def test_a_pickle_is_refused_and_not_executed(tmp_path: Path) -> None:
    path, trace = tmp_path / "evil.pt", tmp_path / "executed"
    path.write_bytes(b"cos\nsystem\n(S'touch " + str(trace).encode() + b"'\ntR.")
    with pytest.raises(CheckpointError, match="is not a whole checkpoint"):
        load_checkpoint(path)
    assert not trace.exists()


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nothing.safetensors"
    with pytest.raises(CheckpointError) as raised:
        load_checkpoint(path)
    assert str(raised.value) == (
        f"The checkpoint {path} cannot be read: No such file or directory. Check the path, or take another checkpoint."
    )


def test_another_version_s_file_is_refused(saved: Path) -> None:
    content = saved.read_bytes().replace(rb"\"format\":2,", rb"\"format\":7,")
    with safetensors.safe_open(saved, "pt") as file:
        digest = json.loads(file.metadata()["convboard"])["sha256"].encode()
    unhashed = content.replace(digest, b"0" * 64, 1)
    saved.write_bytes(content.replace(digest, hashlib.sha256(unhashed).hexdigest().encode(), 1))
    with pytest.raises(CheckpointError) as raised:
        load_checkpoint(saved)
    assert str(raised.value) == (
        f"{saved} was written by another version of convboard: its format is 7, this one reads 2. "
        "Use the version that wrote it, or train again."
    )


def test_another_network_s_checkpoint_is_refused_and_changes_nothing() -> None:
    saved = nn.Sequential(nn.Conv2d(1, 6, 5), nn.Flatten(), nn.Linear(24, 10))
    net = nn.Sequential(nn.Conv2d(3, 6, 5), nn.BatchNorm2d(6), nn.Linear(24, 10))
    before = copy.deepcopy(net.state_dict())
    with pytest.raises(CheckpointError) as raised:
        load_weights(net, checkpoint_of(model=saved.state_dict()), Path("outputs/run/best.safetensors"))
    assert str(raised.value) == (
        "outputs/run/best.safetensors is a checkpoint of another network: "
        "0.weight is [6, 1, 5, 5] in the checkpoint, [6, 3, 5, 5] in this network; "
        "1.weight is missing in the checkpoint, [6] in this network; "
        "1.bias is missing in the checkpoint, [6] in this network; and 3 more. "
        "Build the network with the model and dataset settings that the checkpoint was trained with."
    )
    assert same(dict(net.state_dict()), dict(before))


def test_a_network_that_lacks_a_layer_is_named() -> None:
    saved = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4, bias=False))
    with pytest.raises(
        CheckpointError, match=r"network: 1\.weight is \[4, 3\] in the checkpoint, missing in this network\. Build"
    ):
        load_weights(nn.Sequential(nn.Linear(2, 3)), checkpoint_of(model=saved.state_dict()), Path("c"))


# --- What a save survives --------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "last.safetensors"
    with pytest.raises(CheckpointError) as raised:
        save_checkpoint(path, checkpoint_of(model={"w": torch.zeros(1000, 1000)}))
    assert str(raised.value) == (
        f"The checkpoint {path} cannot be written: No such file or directory. Its previous content is unchanged: "
        "resume from it when the folder is writable and has room for 4.0 MB."
    )


SAVE_IN_A_LOOP = """
import itertools, sys
from pathlib import Path
import torch
from convboard.training.checkpoint import Checkpoint, save_checkpoint
for number in itertools.count():
    weights = {"w": torch.full((200_000,), float(number))}
    save_checkpoint(Path(sys.argv[1]), Checkpoint(weights, {}, {}, {"number": number}))
    print(number, flush=True)
"""


@pytest.mark.thorough
def test_a_kill_at_any_moment_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    with start(SAVE_IN_A_LOOP, path) as process:
        assert first_line(process) == "0"
        moments = random.Random(0)
        for _ in range(20):  # a stopped process has written as much as a killed one
            time.sleep(moments.uniform(0, 0.03))
            os.kill(process.pid, signal.SIGSTOP)
            checkpoint = load_checkpoint(path)
            assert torch.equal(checkpoint.model["w"], torch.full((200_000,), float(checkpoint.state["number"])))
            os.kill(process.pid, signal.SIGCONT)
        process.kill()
        assert process.stdout is not None
        saved = process.stdout.read().split()
        done = int(saved[-1]) if saved else 0
    assert load_checkpoint(path).state["number"] in (done, done + 1)
    save_checkpoint(path, checkpoint_of())
    assert list(tmp_path.iterdir()) == [path]


def test_the_checkpoint_before_a_damaged_one_takes_its_place(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for step in (1, 2):
        save_latest(tmp_path, Checkpoint(model={}, optimizer={}, rng={}, state={"step": step}))
    last = tmp_path / "last.safetensors"
    last.write_bytes(last.read_bytes()[:-10])
    checkpoint, source = load_latest(tmp_path)
    assert checkpoint.state == {"step": 1}
    assert "Continuing from the one before it" in caplog.text
    # Killed now, the next attempt finds it again; and the next save keeps it.
    assert load_latest(tmp_path)[0].state == {"step": 1}
    save_latest(tmp_path, Checkpoint(model={}, optimizer={}, rng={}, state={"step": 3}))
    assert load_checkpoint(tmp_path / "previous.safetensors").state == {"step": 1}
    assert source == last


def test_a_checkpoint_before_a_missing_one_is_taken(tmp_path: Path) -> None:
    for step in (1, 2):
        save_latest(tmp_path, Checkpoint(model={}, optimizer={}, rng={}, state={"step": step}))
    (tmp_path / "last.safetensors").unlink()
    assert load_latest(tmp_path)[0].state == {"step": 1}


def test_without_any_checkpoint_the_last_is_missed(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="last\\.safetensors cannot be read"):
        load_latest(tmp_path)


def test_the_one_before_is_kept_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", source, None, target)

    monkeypatch.setattr("os.link", refuse)
    for step in (1, 2, 3):
        save_latest(tmp_path, Checkpoint(model={}, optimizer={}, rng={}, state={"step": step}))
    assert load_checkpoint(tmp_path / "previous.safetensors").state == {"step": 2}
    assert load_checkpoint(tmp_path / "last.safetensors").state == {"step": 3}

    def fill(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", fill)
    with pytest.raises(CheckpointError, match=r"previous\.safetensors cannot be written: No space left on device\."):
        save_latest(tmp_path, Checkpoint(model={}, optimizer={}, rng={}, state={"step": 4}))
    assert load_checkpoint(tmp_path / "last.safetensors").state == {"step": 3}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r"\"strides\":{}", r"\"strides\":[]"),
        (r"\"strides\":{}", r"\"strides\":{\"x\":1}"),
        (r"\"format\":2", r"\"formot\":2"),
        (r"\"state\":{", r"\"state\":3,\"x\":{"),
        (r"{\"$tensor\":\"model/", r"{\"$tensor\":\"other/"),
        (r"\"rng\":{", r"\"rng\":" + "[" * 5000 + "{"),
    ],
)
def test_metadata_that_convboard_does_not_write_is_refused(old: str, new: str, saved: Path) -> None:
    """With a hash that fits: somebody made the file."""
    content = saved.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + length].decode()
    assert old in header
    changed = header.replace(old, new, 1).encode()
    content = len(changed).to_bytes(8, "little") + changed + content[8 + length :]
    start = content.index(rb"{\"sha256\":\"") + len(rb"{\"sha256\":\"")
    digest = hashlib.sha256(content[:start] + b"0" * 64 + content[start + 64 :]).hexdigest().encode()
    saved.write_bytes(content[:start] + digest + content[start + 64 :])
    with pytest.raises(CheckpointError, match="is not a checkpoint that convboard has written"):
        load_checkpoint(saved)


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "last")
    with pytest.raises(CheckpointError, match="cannot be read: Not a regular file"):
        load_checkpoint(tmp_path / "last")


class WithExtraState(nn.Linear):
    def __init__(self) -> None:
        super().__init__(2, 2)
        self.extra: Any = None

    def get_extra_state(self) -> Any:
        return self.extra

    def set_extra_state(self, state: Any) -> None:
        self.extra = state


@pytest.mark.parametrize("extra", [None, 3, b"\x00\xff", {"a": [1.5, (2, torch.ones(3))]}, torch.zeros(2)])
def test_the_extra_state_of_a_module_comes_back(extra: Any, tmp_path: Path) -> None:
    net, other = nn.Sequential(WithExtraState()), nn.Sequential(WithExtraState())
    net[0].extra = extra
    checkpoint = round_trip(tmp_path / "last", model=net.state_dict())
    load_weights(other, checkpoint, tmp_path / "last")
    assert same(other[0].extra, extra)
