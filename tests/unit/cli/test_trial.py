"""What the server of a pool imports."""

import subprocess
import sys
from pathlib import Path

import pytest

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
