"""Code that a sweep names: it is not run unless the user has named it himself or trusts the sweep."""

import os
from pathlib import Path

import pytest

from convboard.errors import RunError
from convboard.sweeps.composed_trials import new_trials
from convboard.sweeps.trust import named_by_user, refuse_untrusted, trust_trials


@pytest.fixture(autouse=True)
def of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has been trusted before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CONVBOARD_TRUSTED", '["", []]')


def test_code_of_somebody_else_is_not_run_unless_it_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trials, folder = new_trials(["model._target_=mine.Net,mine.Other"]), tmp_path / "sweep"
    with pytest.raises(RunError, match=r"mine.Other, which is not convboard's own.* say so: sweep.trust=true.$"):
        refuse_untrusted(folder, trials, {"mine.Net"})
    trust_trials(folder, trials)
    monkeypatch.setenv("CONVBOARD_TRUSTED", '["", []]')  # a later command
    refuse_untrusted(folder, trials)
    for where, what in ((tmp_path / "other", trials), (folder, new_trials(["model._target_=mine.Third"]))):
        with pytest.raises(RunError, match="not convboard's own"):
            refuse_untrusted(where, what)


def test_without_a_cache_folder_the_processes_of_this_command_know_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    trials = new_trials(["model._target_=mine.Net"])
    trust_trials(tmp_path / "sweep", trials)
    refuse_untrusted(tmp_path / "sweep", trials)
    with pytest.raises(RunError):
        refuse_untrusted(tmp_path / "other", trials)
    del os.environ["CONVBOARD_TRUSTED"]
    with pytest.raises(RunError):
        refuse_untrusted(tmp_path / "sweep", trials)


def test_the_user_names_code_in_overrides_and_in_his_own_options(tmp_path: Path) -> None:
    (tmp_path / "conf/model").mkdir(parents=True)
    (tmp_path / "conf/model/mine.yaml").write_text("_target_: mine.Option")
    names = named_by_user(["model._target_=mine.Net,'mine.Other'", "+model.head._target_=mine.Head", "seed=1,2"])
    assert {name for name in names if name.startswith("mine.")} == {
        "mine.Option",
        "mine.Net",
        "mine.Other",
        "mine.Head",
    }
