"""Tests of what only an NVIDIA GPU shows: real commands that see it. Where there is none they are not collected.

Everything else is tested on the CPU, also on a machine with a GPU.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from interrupted import RunCommand

if shutil.which("nvidia-smi") is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture
def run_on_gpu(run_command: RunCommand) -> RunCommand:
    """`run_command`, with the GPUs that pytest itself was started with."""

    def run(
        script: str | Path, *arguments: object, environment: dict[str, str] | None = None, **how: object
    ) -> "subprocess.CompletedProcess[str]":
        variables = {"CUDA_VISIBLE_DEVICES": os.environ["CONVBOARD_GPUS"], **(environment or {})}
        return run_command(script, *arguments, environment=variables, **how)

    return run
