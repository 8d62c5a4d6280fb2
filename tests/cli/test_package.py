"""The package as a user installs it: a wheel in a fresh environment, used in an empty folder."""

import os
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from commands import ROOT


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment with the wheel and, so that nothing is downloaded, this one's dependencies."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is missing. Get it with `pip install uv`.")
    folder = tmp_path_factory.mktemp("package")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "fresh", symlinks=True)
    (own,) = (folder / "fresh").glob("lib/python*/site-packages")
    subprocess.run(
        [uv, "pip", "install", "-q", "--offline", "--no-deps", "--python", folder / "fresh/bin/python", wheel],
        check=True,
    )
    borrowed = [path for path in site.getsitepackages() if Path(path) != own]
    (own / "borrowed.pth").write_text("\n".join(borrowed) + "\n")
    return folder / "fresh/bin"


def run(environment: Path, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    variables = {**os.environ, "NO_COLOR": "1", "COLUMNS": "120", "UV": ""}
    command = [str(environment / "convboard"), *arguments]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=240)


@pytest.mark.thorough
def test_the_wheel_trains_in_an_empty_folder(environment: Path, tmp_path: Path) -> None:
    done = run(environment, tmp_path, "train", "trainer.max_epochs=1", "trainer.limit_train_batches=2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("look at it: tensorboard --logdir outputs\n")
    (config,) = tmp_path.glob("outputs/digits/lenet/*/config.yaml")
    where = subprocess.run(
        [environment / "python", "-c", "import convboard; print(convboard.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(where.stdout).is_relative_to(environment.parent)
    again = run(environment, tmp_path, "evaluate", f"run={config.parent}")
    assert "The metrics equal those in result.json, to the last bit" in again.stdout


@pytest.mark.thorough
def test_options_of_ones_own_are_found_beside_those_of_the_wheel(environment: Path, tmp_path: Path) -> None:
    own = tmp_path / "conf/model/small.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("_target_: convboard.models.LeNet\nimage_size: 28\n")
    done = run(environment, tmp_path, "layers", "model=small", "dataset=digits")
    assert done.stdout.startswith("small for 1x28x28 images of digits\n")
    wrong = run(environment, tmp_path, "train", "model=smal")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith(
        "convboard: model='smal' is not known. Did you mean 'small'? Allowed: batchnorm_cnn,"
    )


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["layers", "--help"], ["feature-maps", "-h"]])
def test_help(environment: Path, tmp_path: Path, arguments: list[str]) -> None:
    done = run(environment, tmp_path, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: convboard {'COMMAND' if len(arguments) == 1 else arguments[0]} ")


def test_the_version_and_a_command_that_is_none(environment: Path, tmp_path: Path) -> None:
    assert run(environment, tmp_path, "--version").stdout.startswith("convboard 0.")
    done = run(environment, tmp_path, "trian")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "convboard: 'trian' is not a command. Did you mean 'train'? "
        "Allowed: evaluate, feature-maps, layers, runs, train.\n"
    )
