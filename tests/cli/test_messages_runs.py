"""What a run directory that cannot be used gets from the real commands."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
Refused = Callable[..., str]
QUICK = ("trainer.max_epochs=1", "trainer.limit_train_batches=2", "board=minimal")
KEYS = "batch_size, board, data_dir, dataset, loss, model, objective, optimizer, resume, scheduler, seed, trainer"
ANOTHER = "Choose another directory with hydra.run.dir=<folder>"


class TestRunDirectories:
    def test_one_below_a_file_cannot_be_made(self, refused: Refused, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        assert refused("hydra.run.dir=file/run") == (
            "The run directory file/run cannot be made: Not a directory. Choose another with "
            "hydra.run.dir=<folder>, or hydra.sweep.dir=<folder> for a sweep."
        )

    def test_outputs_is_a_file(self, refused: Refused, tmp_path: Path) -> None:
        (tmp_path / "outputs").touch()
        assert re.fullmatch(
            r"The run directory outputs/digits/lenet/[\w-]+ cannot be made: Not a directory\. Choose "
            r"another with hydra\.run\.dir=<folder>, or hydra\.sweep\.dir=<folder> for a sweep\.",
            refused(),
        )

    def test_one_that_is_there_cannot_be_written(self, refused: Refused) -> None:
        with pytest.raises(OSError, match=r"run\.lock") as caught:
            Path("/proc/self/run.lock").touch()  # /proc takes no files, from root either
        assert refused("hydra.run.dir=/proc/self") == (
            f"/proc/self cannot be written: {caught.value.strerror} (/proc/self/run.lock). {ANOTHER}."
        )

    @pytest.mark.parametrize("run", ["mine", "mine/outputs", "mine/outputs/run"])
    def test_empty_folders_of_the_user_s_stay(self, run: str, refused: Refused, tmp_path: Path) -> None:
        (tmp_path / "mine/outputs").mkdir(parents=True)
        assert refused(f"hydra.run.dir={run}", "dataset.random_crop=40").startswith("dataset.random_crop=40")
        assert [path.name for path in tmp_path.glob("mine/**/")] == ["mine", "outputs"]

    def test_one_that_holds_a_run_is_never_overwritten(self, refused: Refused, finished: Path) -> None:
        assert refused("hydra.run.dir=finished") == (
            f"{finished} already contains a run, and runs are never overwritten. Resume it with resume=finished, "
            "or choose another directory with hydra.run.dir=<folder>."
        )

    def test_one_that_another_process_trains_in(
        self, start_command: Callable[..., Any], run_command: RunCommand, tmp_path: Path
    ) -> None:
        first = start_command("train.py", "hydra.run.dir=here", "trainer.max_epochs=10000", "board=minimal")
        wait_for(tmp_path / "here/run.lock")
        second = run_command("train.py", "hydra.run.dir=here", expected_code=2)
        assert second.stderr == (
            f"convboard: {tmp_path}/here is in use: process {first.pid} is training there. Wait for it, or choose "
            "another directory with hydra.run.dir=<folder>.\n"
        )
        first.end()

    def test_a_stale_lock_is_taken_over(self, run_command: RunCommand, tmp_path: Path) -> None:
        lock = tmp_path / "here/run.lock"
        lock.parent.mkdir()
        lock.write_text(f"{os.getpid()} {socket.gethostname()}\n")  # a process that lives, and holds no lock
        run_command("train.py", "hydra.run.dir=here", *QUICK)
        assert (tmp_path / "here/result.json").is_file()
        assert not lock.exists()


def wait_for(path: Path) -> None:
    for _ in range(600):
        if path.is_file() and path.stat().st_size:
            return
        time.sleep(0.05)
    pytest.fail(f"{path} did not come")


class TestEvaluate:
    script = "scripts/evaluate.py"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "run is not set. Add run=<value>."),
            (["runn=outputs"], "runn is not a known key. Did you mean 'run'? Allowed: run, trust."),
            (["outputs"], "'outputs' is not understood: give arguments as run=... trust=..."),
            (["run=outputs", "trust=maybe"], "trust='maybe': must be true or false."),
            (
                ["run=outputs"],
                "outputs is not there: a run directory has a config.yaml in it, such as those below outputs/.",
            ),
            (
                ["run=finished/checkpoints/best.safetensors"],
                "finished/checkpoints/best.safetensors is a part of a run: give the run directory itself, which is "
                "finished.",
            ),
            (["run=."], ". holds no run: give one of the runs below it, such as finished."),
        ],
    )
    def test_arguments(self, arguments: list[str], message: str, refused: Refused, finished: Path) -> None:
        assert refused(*arguments, script=self.script) == message

    @pytest.mark.parametrize("damage", ["truncated", "altered"])
    def test_a_damaged_checkpoint(self, damage: str, finished: Path, refused: Refused) -> None:
        checkpoint = finished / "checkpoints/best.safetensors"
        content = bytearray(checkpoint.read_bytes())
        if damage == "truncated":
            del content[-20:]
        else:
            content[-20] ^= 1
        checkpoint.write_bytes(content)
        assert refused("run=finished", script=self.script) == (
            "finished/checkpoints/best.safetensors is not a whole checkpoint: it is truncated, altered, or was not "
            "written by convboard. Nothing was loaded from it. Take another checkpoint of the run, or train it again."
        )

    def test_a_checkpoint_that_is_gone(self, finished: Path, refused: Refused) -> None:
        (finished / "checkpoints/best.safetensors").unlink()
        assert refused("run=finished", script=self.script) == (
            "The checkpoint finished/checkpoints/best.safetensors cannot be read: No such file or directory. Check the "
            "path, or take another checkpoint."
        )

    def test_a_run_that_has_not_finished_an_epoch(self, finished: Path, refused: Refused) -> None:
        (finished / "checkpoints/best.safetensors").unlink()
        (finished / "result.json").unlink()
        assert refused("run=finished", script=self.script) == (
            "finished has no weights to show yet, because it has not finished an epoch. Resume it with "
            "resume=finished, or wait if it is being trained."
        )

    def test_a_checkpoint_of_another_network(
        self, finished: Path, run_command: RunCommand, tmp_path: Path, refused: Refused
    ) -> None:
        run_command("train.py", "hydra.run.dir=other", "model=conv_mlp", *QUICK)
        shutil.copy(tmp_path / "other/checkpoints/best.safetensors", finished / "checkpoints")
        assert refused("run=finished", script=self.script) == (
            "finished/checkpoints/best.safetensors is a checkpoint of another network: conv1.weight is [16, 1, 3, 3] "
            "in the checkpoint, [6, 1, 5, 5] in this network; conv1.bias is [16] in the checkpoint, [6] in this "
            "network; conv2.weight is [32, 16, 3, 3] in the checkpoint, [16, 6, 5, 5] in this network; and 6 more. "
            "Build the network with the model and dataset settings that the checkpoint was trained with."
        )

    def test_a_config_that_somebody_has_changed(self, finished: Path, refused: Refused) -> None:
        config = finished / "config.yaml"
        text = config.read_text()
        config.write_text(text.replace("batch_size: 64", "batch_sise: 64"))
        assert refused("run=finished", script=self.script) == (
            f"finished/config.yaml: batch_sise is not a known key. Did you mean 'batch_size'? Allowed: {KEYS}."
        )
        config.write_text(text.replace("batch_size: 64", "batch_size: [64"))
        assert refused("run=finished", script=self.script).startswith(
            "finished/config.yaml cannot be read: while parsing"
        )

    def test_a_data_set_description_that_is_gone(self, finished: Path, refused: Refused) -> None:
        (finished / "dataset.json").unlink()
        assert refused("run=finished", script=self.script) == (
            "finished/dataset.json cannot be read: [Errno 2] No such file or directory: 'finished/dataset.json'. "
            "Without it the run is not whole; train it again."
        )

    def test_a_network_that_is_not_convboard_s_own(self, finished: Path, refused: Refused, tmp_path: Path) -> None:
        config = finished / "config.yaml"
        config.write_text(config.read_text().replace("convboard.models.LeNet", "mynet.MyNet"))
        (tmp_path / "mynet.py").write_text("from pathlib import Path\nPath('executed').touch()\n")
        assert refused("run=finished", script=self.script) == (
            "finished was trained with mynet.MyNet, which is not convboard's own: building it runs that code. If you "
            "trust it, say so: trust=True."
        )
