"""The environment of a run, for the record: versions, machine, device, git commit. The program never reads it back."""

import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from convboard.training.execution_plan.other_load import processor

PACKAGES = (
    "convboard",
    "torch",
    "torchvision",
    "tensorboard",
    "hydra-core",
    "omegaconf",
    "numpy",
    "safetensors",
)

_COMMIT, _COMMAND = "git commit", "command"
_CHANGED = " (changed)"  # behind a commit: files differ from it
_RESUMED = "; resumed with "


def describe_environment(device: str, resumed: bool = False) -> dict[str, str]:
    """Return versions, machine, device and git commit, by name.

    Args:
        device: The device and the plan, from `Plan.describe`.
        resumed: Whether a run is resumed. The current folder may then be a run directory that somebody else has made,
            and git executes commands that are in the config of its repository in order to compare files.
    """
    facts = {"python": platform.python_version()}
    facts |= {package: _version(package) for package in PACKAGES}
    facts |= {
        "device": device,
        "processor": processor(),
        "system": platform.platform(),
        _COMMIT: _git_commit(compare=not resumed),
        _COMMAND: " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }
    return facts


def resumed_environment(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a run of several parts: that of its start, and what has changed since then.

    Args:
        before: The environment in its summary.
        now: That of the part that begins.
    """
    merged = dict(before)
    for name, value in now.items():
        latest = merged.get(name, value).rpartition(_RESUMED)[2]
        is_same = latest.removesuffix(_CHANGED) == value if name == _COMMIT else latest == value
        if not is_same and name != _COMMAND:
            merged[name] = f"{merged[name]}{_RESUMED}{value}"
    return merged


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _git_commit(compare: bool) -> str:
    """Return the git commit of the current folder, with `(changed)` if tracked files differ from it.

    Args:
        compare: Whether to look for such files.
    """
    try:
        commit = _git("rev-parse", "HEAD")
        changed = compare and _git("status", "--porcelain", "--untracked-files=no")
        return commit + (_CHANGED if changed else "")
    except (OSError, subprocess.SubprocessError):
        return "none"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, timeout=5)
    return done.stdout.strip()
