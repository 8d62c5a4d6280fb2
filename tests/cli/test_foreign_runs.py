"""A run directory from elsewhere: no command executes what is in it, also when it is the current folder."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from commands import ROOT

TELLS = "from pathlib import Path\nPath({!r}).touch()\n"
# What Python, torch, Hydra and TensorBoard look for in passing: optional modules, plugins, entry points.
MODULES = ("dill", "pynvml", "pandas", "apex", "typing", "difflib", "hydra_plugins/plugin", "backend", "optree")
ENTRY_POINTS = "[torch.backends]\nx = backend:start\n[tensorboard_plugins]\nx = backend:start\n"
OPTION = "# @package _global_\nhydra: {callbacks: {x: {_target_: backend.start}}}\nboard: {level: minimal}\n"
LIBRARY = """#include <stdio.h>
__attribute__((constructor)) static void start() { fclose(fopen("executed", "w")); }
"""
COMMANDS = [
    ["-m", "convboard", "evaluate", "run=."],
    pytest.param([str(ROOT / "train.py"), "resume=.", "trainer.max_epochs=2"], marks=pytest.mark.thorough),
]


@pytest.fixture
def foreign(finished: Path) -> Path:
    """A run directory full of code, in which a file `executed` tells that some of it has been executed."""
    run = finished
    for module in MODULES:
        (run / module).parent.mkdir(exist_ok=True)
        (run / f"{module}.py").write_text(TELLS.format(str(run / "executed")) + "def start(*_): ...\n")
    (run / "evil-1.0.dist-info").mkdir()
    (run / "evil-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (run / "evil-1.0.dist-info/entry_points.txt").write_text(ENTRY_POINTS)
    (run / "conf/board").mkdir(parents=True)
    (run / "conf/board/default.yaml").write_text(OPTION)
    (run / "hook").write_text(f"#!/bin/sh\ntouch {run}/executed\n")
    (run / "hook").chmod(0o755)
    for command in (["init"], ["-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "--allow-empty", "-m", "one"]):
        subprocess.run(["git", *command], cwd=run, check=True, capture_output=True)
    subprocess.run(["git", "config", "core.fsmonitor", str(run / "hook")], cwd=run, check=True)
    if shutil.which("cc"):  # `import torch` loads such a library; see `current_folder.load_cusparselt`
        (run / "x.c").write_text(LIBRARY)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", "libcuda.so.1", "x.c"], cwd=run, check=True)
    return run


@pytest.mark.parametrize("arguments", COMMANDS)
def test_nothing_in_it_is_executed(arguments: list[str], foreign: Path) -> None:
    done = subprocess.run([sys.executable, *arguments], cwd=foreign, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not (foreign / "executed").exists()
