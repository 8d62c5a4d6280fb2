"""What the server of a pool imports."""

import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest

from convboard.cli.trial import run_trial
from convboard.sweeps.composed_trials import new_trials
from convboard.sweeps.store.entries import State

SCRIPT = """
import sys
import convboard.cli.trial
from convboard.config.compose import compose_config
from convboard.experiment.run import run

limits = [f"trainer.limit_{split}_batches=1" for split in ("train", "val", "test")]
config = compose_config(["model=lenet", "dataset=digits", "trainer.max_epochs=1", *limits]).config
before = set(sys.modules)
run(config, "run")
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before if sys.modules[name]}))
"""


@pytest.mark.thorough
def test_a_trial_imports_nothing_heavy_that_the_server_has_not(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=True)
    imported = set(done.stdout.splitlines()[-1].split())
    assert not imported & {"tensorboard", "google", "absl", "fsspec", "torchvision", "matplotlib", "scipy", "pandas"}


@pytest.mark.thorough
def test_a_trial_that_somebody_has_added_does_not_run_code_that_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trust is asked for when a sweep is opened; the trials of later blocks are not there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "theirs.py").write_text("open('executed', 'w')")
    (trial,) = new_trials(["model._target_=theirs.Net"])
    context = multiprocessing.get_context("spawn")
    reports, pool = context.Pipe(duplex=False)
    process = context.Process(target=run_trial, args=(tmp_path, trial, pool))
    process.start()
    process.join()
    end = reports.recv()
    assert end.state is State.FAILED
    assert "theirs.Net, which is not convboard's own" in end.reason
    assert not (tmp_path / "executed").exists()
