"""Commands within the process of the tests: where a process of their own would prove no more than their output."""

import importlib
import io
import linecache
import logging
import random
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO

import pytest

from commands import ROOT

# torch, Hydra and convboard are imported where they are used: pytest loads this file when it starts.

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_in_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunCommand:
    """Run a command in `tmp_path`, as `run_command` does, and leave nothing of it behind in this process."""

    def run(
        script: str, *arguments: object, environment: Mapping[str, str] | None = None, expected_code: int | None = 0
    ) -> "subprocess.CompletedProcess[str]":
        command = [str(ROOT / script), *map(str, arguments)]
        stdout, stderr = io.StringIO(), io.StringIO()
        with monkeypatch.context() as patch, _as_it_was(tmp_path), redirect_stdout(stdout), redirect_stderr(stderr):
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", command)
            patch.setattr(sys, "path", [str((ROOT / script).parent), *sys.path])
            patch.setattr(sys, "dont_write_bytecode", True)
            for name, value in {"NO_COLOR": "1", "COLUMNS": "120", "UV": "", **(environment or {})}.items():
                patch.setenv(name, value)
            with _python_s_own_warnings():
                code = _run(script)
        done = subprocess.CompletedProcess(command, code, stdout.getvalue(), stderr.getvalue())
        assert expected_code in (None, code), f"{' '.join(done.args)}\n{done.stdout}\n{done.stderr}"
        return done

    return run


def _run(script: str) -> int:
    """Run a script's command; gives its exit code."""
    from convboard.cli import evaluate, feature_maps, frame, layers, runs, train

    modules = {"train": train, "evaluate": evaluate, "feature_maps": feature_maps, "layers": layers, "runs": runs}
    return frame.run_command(modules[Path(script).stem].main)


@contextmanager
def _as_it_was(folder: Path) -> Iterator[None]:
    """Within, everything may be changed that a command changes in its process. Modules of `folder` are forgotten."""
    import numpy as np
    import torch
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    drawn, numpy_drawn, threads = random.getstate(), np.random.get_state(), torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    importlib.invalidate_caches()
    linecache.clearcache()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        GlobalHydra.instance().clear()
        HydraConfig.instance().cfg = None
        root.handlers[:] = handlers
        root.setLevel(level)
        random.setstate(drawn)
        np.random.set_state(numpy_drawn)
        torch.set_num_threads(threads)
        if torch.are_deterministic_algorithms_enabled() != deterministic:
            torch.use_deterministic_algorithms(deterministic)  # imports all of torch.compile, which takes seconds
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(f"{folder}/"):
                del sys.modules[name]


@contextmanager
def _python_s_own_warnings() -> Iterator[None]:
    """Within, warnings are no errors, and go where a process of its own would print them."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))

    with warnings.catch_warnings():
        warnings.resetwarnings()
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", category)
        warnings.showwarning = show
        yield
