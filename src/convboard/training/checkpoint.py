"""The state of a run in one safetensors file, which is only loaded if it is complete and unaltered.

The tensors have readable names: `model/conv1.weight`, `optimizer/0/exp_avg`, `rng/torch`. Everything else (the
optimizer's parameter groups, the state of the loop, ...) is JSON in the file's metadata, beside a SHA-256 of every byte
of the file: safetensors itself checks only the header and the sizes. Nothing in a checkpoint is ever executed.

The trainer decides which state a checkpoint contains and when it is saved.
"""

import hashlib
import json
import logging
import os
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from convboard.errors import CheckpointError
from convboard.files import atomic_write, read_bytes
from convboard.training.serialization import StatePacker, unpack

BEST, LAST, PREVIOUS = (f"{name}.safetensors" for name in ("best", "last", "previous"))

_log = logging.getLogger(__name__)

_FORMAT = 2
_DIFFERENCES_SHOWN = 3
_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, RecursionError, RuntimeError, SafetensorError)
_HASH_LENGTH = 64
_UNHASHED = "0" * _HASH_LENGTH
# The start of a checkpoint after the eight bytes of its header's length; the hash follows. safetensors writes the
# metadata first, and the JSON in it is a string within JSON, so its quotes are escaped.
_BEGINNING = rb'{"__metadata__":{"convboard":"{\"sha256\":\"'
_HASH_START = 8 + len(_BEGINNING)
_HASH_END = _HASH_START + _HASH_LENGTH


@dataclass
class Checkpoint:
    """Everything that a run needs to continue as if it had not stopped.

    Attributes:
        model: The network's `state_dict()`. What `get_extra_state` of a module returns is JSON-like too.
        optimizer: The `state_dict()` of any optimizer of torch.optim.
        rng: States of random generators by name, each a uint8 tensor on the CPU.
        state: The rest, JSON-like (tuples, NaN and infinities are allowed): the state of the loop and of the callbacks.
    """

    model: dict[str, Any]
    optimizer: dict[str, Any]
    rng: dict[str, Tensor]
    state: dict[str, Any]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically. Equal checkpoints give equal bytes.

    Args:
        path: The file to create or replace. Its folder must exist.
        checkpoint: The checkpoint; its tensors may be on any device, in any memory format, and may share memory.

    Raises:
        CheckpointError: The file cannot be written, or the checkpoint contains an object that is neither a tensor nor
            JSON-like; the previous content is unchanged.
    """
    packing = StatePacker()
    try:
        parts = {name: packing.pack(part, name) for name, part in vars(checkpoint).items()}
    except TypeError as error:
        raise CheckpointError(
            f"The checkpoint {path} cannot be written: {error}. Its previous content is unchanged. Keep tensors, "
            "numbers, texts, bytes, or lists and dicts of these."
        ) from error
    header = {"sha256": _UNHASHED, "format": _FORMAT, "strides": packing.strides, **parts}
    text = json.dumps(header, allow_nan=False, separators=(",", ":"))
    content = memoryview(safetensors.torch.save(packing.tensors, {"convboard": text}))
    assert content[8:_HASH_START] == _BEGINNING, "safetensors no longer puts the metadata first"
    digest = _digest(content)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            file.write(content[:_HASH_START])
            file.write(digest)
            file.write(content[_HASH_END:])

    try:
        atomic_write(path, write)
    except OSError as error:
        raise CheckpointError(
            f"The checkpoint {path} cannot be written: {error.strerror}. Its previous content is unchanged: "
            f"resume from it when the folder is writable and has room for {max(content.nbytes / 1e6, 0.1):.1f} MB."
        ) from error


def save_latest(folder: Path, checkpoint: Checkpoint) -> None:
    """Write `last.safetensors`, and keep the one before it as `previous.safetensors` until the next call.

    Raises:
        CheckpointError: It cannot be written; the last one is unchanged.
    """
    last, previous = folder / LAST, folder / PREVIOUS
    if last.exists():
        previous.unlink(missing_ok=True)
        try:
            os.link(last, previous)  # at every moment `last` exists and is complete
        except OSError:  # a file system without hard links
            _copy(last, previous)
    save_checkpoint(last, checkpoint)


def _copy(source: Path, target: Path) -> None:
    try:
        atomic_write(target, partial(shutil.copyfile, source))
    except OSError as error:
        raise CheckpointError(f"The checkpoint {target} cannot be written: {error.strerror}.") from error


def load_latest(folder: Path) -> tuple[Checkpoint, Path]:
    """Read the last checkpoint, or with a warning the one before it if the last one is damaged.

    Args:
        folder: The folder of the checkpoints.

    Returns:
        The checkpoint and its file.

    Raises:
        CheckpointError: There is no checkpoint, both are damaged, or the last one may not be read.
    """
    try:
        return load_checkpoint(folder / LAST), folder / LAST
    except CheckpointError as damaged:
        if isinstance(damaged.__cause__, PermissionError | MemoryError) or not (folder / PREVIOUS).exists():
            raise
        checkpoint = load_checkpoint(folder / PREVIOUS)
        _log.warning("%s Continuing from the one before it, %s.", damaged, PREVIOUS)
        # The good one replaces the damaged one; otherwise the next save would drop it and keep the damaged one.
        (folder / PREVIOUS).replace(folder / LAST)
        return checkpoint, folder / LAST


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint, bit for bit as it was saved, with its memory formats and shared tensors.

    All tensors are on the CPU: a network and an optimizer move their own when they load them, and an optimizer needs
    some (step counts) on the CPU, as do the random generators.

    Args:
        path: A file that `save_checkpoint` has written.

    Raises:
        CheckpointError: The file is missing, truncated, altered, or not a checkpoint of this version.
    """
    try:
        content = read_bytes(path)
    except (OSError, MemoryError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is larger than the free memory"
        raise CheckpointError(
            f"The checkpoint {path} cannot be read: {reason}. Check the path, or take another checkpoint."
        ) from error
    if content[8:_HASH_START] != _BEGINNING or content[_HASH_START:_HASH_END] != _digest(memoryview(content)):
        raise CheckpointError(
            f"{path} is not a whole checkpoint: it is truncated, altered, or was not written by convboard. "
            "Nothing was loaded from it. Take another checkpoint of the run, or train it again."
        )
    try:
        return _parse(content, path)
    except CheckpointError:
        raise
    except _MALFORMED as error:
        raise CheckpointError(
            f"{path} is not a checkpoint that convboard has written ({error!r}). Take another checkpoint of the "
            "run, or train it again."
        ) from error


def _parse(content: bytes, path: Path) -> Checkpoint:
    header_end = 8 + int.from_bytes(content[:8], "little")
    parts = json.loads(json.loads(content[8:header_end])["__metadata__"]["convboard"])
    if parts["format"] != _FORMAT:
        raise CheckpointError(
            f"{path} was written by another version of convboard: its format is {parts['format']}, this one "
            f"reads {_FORMAT}. Use the version that wrote it, or train again."
        )
    tensors = safetensors.torch.load(content)
    for name, strides in parts["strides"].items():
        contiguous = tensors[name]
        strided = torch.empty_strided(contiguous.shape, strides, dtype=contiguous.dtype)
        tensors[name] = strided.copy_(contiguous)
    checkpoint = Checkpoint(
        model=unpack(parts["model"], tensors),
        optimizer=unpack(parts["optimizer"], tensors),
        rng=unpack(parts["rng"], tensors),
        state=unpack(parts["state"], tensors),
    )
    if not all(isinstance(part, dict) for part in vars(checkpoint).values()):
        raise TypeError("a part of it is not a dict")
    return checkpoint


def load_weights(model: nn.Module, checkpoint: Checkpoint, source: Path) -> None:
    """Copy a checkpoint's weights and buffers into a network.

    Args:
        model: The network; it does not change if this raises.
        checkpoint: The checkpoint of the weights.
        source: The file of the checkpoint, for the message.

    Raises:
        CheckpointError: The checkpoint is of another network. The message names the first tensors that differ.
    """
    refuse_other_network(model, checkpoint, source)
    try:
        model.load_state_dict(checkpoint.model)
    except _MALFORMED as error:  # by set_extra_state, say
        raise CheckpointError(f"{source} cannot be loaded into the network: {' '.join(str(error).split())}") from error


def refuse_other_network(model: nn.Module, checkpoint: Checkpoint, source: Path) -> None:
    """Refuse a checkpoint whose weights and buffers have other names or shapes than those of `model`.

    Raises:
        CheckpointError: See `load_weights`.
    """
    if differences := network_differences(model, checkpoint):
        raise CheckpointError(
            f"{source} is a checkpoint of another network: {differences}. "
            "Build the network with the model and dataset settings that the checkpoint was trained with."
        )


def network_differences(model: nn.Module, checkpoint: Checkpoint) -> str:
    """Return how the weights and buffers in a checkpoint differ from those of `model` in name or shape; empty if not.

    Of many differences, the first ones are named and the others counted.
    """
    saved, wanted = _shapes(checkpoint.model), _shapes(model.state_dict())
    differences = [
        f"{name} is {saved.get(name, 'missing')} in the checkpoint, {wanted.get(name, 'missing')} in this network"
        for name in wanted | saved
        if saved.get(name) != wanted.get(name)
    ]
    shown = differences[:_DIFFERENCES_SHOWN]
    if len(differences) > len(shown):
        shown.append(f"and {len(differences) - len(shown)} more")
    return "; ".join(shown)


def _shapes(state: dict[str, Any]) -> dict[str, str]:
    """The shape of each tensor by name. What `get_extra_state` returns need not have the same form each time."""
    return {
        name: "extra state" if name.endswith("_extra_state") else str(list(value.shape))
        for name, value in state.items()
        if isinstance(value, Tensor) or name.endswith("_extra_state")
    }


def _digest(content: memoryview) -> bytes:
    """Return the SHA-256 of a checkpoint's bytes in hexadecimal, computed with zeros in place of the hash itself."""
    digest = hashlib.sha256(content[:_HASH_START])
    digest.update(_UNHASHED.encode())
    digest.update(content[_HASH_END:])
    return digest.hexdigest().encode()
