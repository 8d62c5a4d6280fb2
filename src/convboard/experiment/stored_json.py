"""The JSON files of a run directory, read and checked as far as they are used."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from convboard.config.objectives import OBJECTIVES
from convboard.config.value_checks import DEVICES, MOST_THREADS
from convboard.errors import RunError
from convboard.files import read_text

_LONGEST = 10_000_000  # bytes of a file


def read_dataset(path: Path) -> dict[str, Any]:
    """Read the `dataset.json` of a run.

    Raises:
        RunError: The file cannot be read, or is not what a run writes; the same for the other two.
    """
    wanted = "a name, an image_shape of three sizes, the class_names, and mean and std per channel"
    return _read(path, _is_dataset, wanted)


def read_plan(path: Path) -> dict[str, Any]:
    """Read the `plan.json` of a run."""
    return _read(path, _is_plan, "how it computes, by name")


def read_result(path: Path) -> dict[str, Any]:
    """Read the `result.json` of a run."""
    return _read(path, _is_result, "its best_epoch and its metrics, by name")


def is_dataset_file(path: Path) -> bool:
    """Return whether a file holds what a run writes as its `dataset.json`."""
    return _holds(path, _is_dataset)


def is_plan_file(path: Path) -> bool:
    """Return whether a file holds what a run writes as its `plan.json`."""
    return _holds(path, _is_plan)


def _holds(path: Path, is_whole: Callable[[object], bool]) -> bool:
    try:
        _read(path, is_whole, "")
    except RunError:
        return False
    return True


def _read(path: Path, is_whole: Callable[[object], bool], wanted: str) -> dict[str, Any]:
    """The contents of a JSON file of a run, checked as far as they are used."""
    try:
        content = json.loads(read_text(path, _LONGEST))
    except PermissionError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}. See that it may be read.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} cannot be read: {error}. Without it the run is not whole; train it again.") from error
    if not is_whole(content):
        raise RunError(f"{path} is not what a run writes: it must hold {wanted}. Put it back, or train again.")
    return dict(content)


def _is_dataset(content: object) -> bool:
    match content:
        case {
            "name": str(),
            "image_shape": [_, _, _] as shape,
            "class_names": [_, *_] as names,
            "mean": [*mean],
            "std": [*std],
            **rest,
        }:
            return (
                all(_is_count(size) for size in shape)
                and all(isinstance(name, str) for name in names)
                and len(mean) == len(std) == shape[0]
                and all(_is_number(value) for value in mean)
                and all(_is_number(value) and value > 0 for value in std)
                and _are_ranges(rest.get("value_ranges", {}))
            )
    return False


def _are_ranges(content: object) -> bool:
    """Whether these are pairs of numbers by name; earlier versions wrote none."""
    match content:
        case {**ranges}:
            pairs = ranges.values()
            return all(isinstance(pair, list) and len(pair) == 2 and all(map(_is_number, pair)) for pair in pairs)
    return False


def _is_plan(content: object) -> bool:
    match content:
        case {
            "device": str(device),
            "precision": "fp32" | "bf16",
            "channels_last": bool(),
            "threads": threads,
            "compile": bool(),
            "cuda_graph": bool(),
            **rest,
        }:
            return device in DEVICES[1:] and (threads is None or _is_count(threads, MOST_THREADS)) and not rest
    return False


def _is_result(content: object) -> bool:
    match content:
        case {"metrics": {**metrics}, "best_epoch": int()}:
            return metrics.keys() >= set(OBJECTIVES) and all(_is_number(value) for value in metrics.values())
    return False


def _is_count(value: object, most: int = 2**31) -> bool:
    return type(value) is int and 0 < value <= most


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and -1e300 < value < 1e300  # type: ignore[operator]
