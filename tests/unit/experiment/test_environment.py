import subprocess
from pathlib import Path

import pytest
import torch

from convboard.experiment.environment import describe_environment, resumed_environment


def test_versions_and_device_are_named() -> None:
    facts = describe_environment("cpu (2 threads), fp32")
    assert torch.__version__.startswith(facts["torch"])
    assert facts["device"] == "cpu (2 threads), fp32"
    assert all(facts.values()), facts


def test_the_commit_is_that_of_the_folder_and_says_when_files_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert describe_environment("cpu")["git commit"] == "none"

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        return subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    git("init")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-m", "one")
    commit = git("rev-parse", "HEAD").strip()
    assert describe_environment("cpu")["git commit"] == commit
    (tmp_path / "file").write_text("two")
    assert describe_environment("cpu")["git commit"] == f"{commit} (changed)"
    assert describe_environment("cpu", resumed=True)["git commit"] == commit


def test_what_has_changed_when_a_run_is_resumed_is_added_to_what_was() -> None:
    before = {"torch": "2.8", "git commit": "0a1b (changed)", "command": "train.py", "gone": "1"}
    same = {"torch": "2.8", "git commit": "0a1b", "command": "train.py resume=run"}
    assert resumed_environment(before, same) == before
    second = resumed_environment(before, same | {"torch": "2.9", "new": "7"})
    assert second == before | {"torch": "2.8; resumed with 2.9"}
    assert resumed_environment(second, same | {"torch": "2.9"}) == second
    third = resumed_environment(second, same | {"torch": "3", "git commit": "2c3d"})
    assert third["torch"] == "2.8; resumed with 2.9; resumed with 3"
    assert third["git commit"] == "0a1b (changed); resumed with 2c3d"
