"""A new sweep: what is wrong in one combination is told before anything starts."""

import errno
import os
import re
import time
from pathlib import Path

import pytest

from convboard.errors import ConfigError, RunError
from convboard.experiment.trusted_runs import remembered
from convboard.sweeps.composed_trials import new_trials
from convboard.sweeps.new_sweep import create_sweep, new_folder, refuse_folder, without_repeated
from convboard.sweeps.store.trials import with_threads


def test_each_trial_has_a_whole_config_that_does_not_depend_on_the_current_folder() -> None:
    first, second = new_trials(["model=lenet", "seed=1,2", "data_dir=here"])
    assert (first.config["seed"], second.config["seed"]) == (1, 2)
    assert first.config["data_dir"] == str(Path.cwd() / "here")
    assert second.overrides == ("model=lenet", "seed=2", "data_dir=here")
    assert (second.swept, second.folder) == ({"seed": "2"}, "seed=2")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["seed=1,2", "batch_size=0"], "batch_size=0: must be at least 1."),
        (["batch_size=32,0"], "trial batch_size=0: batch_size=0: must be at least 1."),
        (["batch_size=0"], "batch_size=0: must be at least 1."),
        (["model=lenett", "seed=1,2", "batch_size=32,0"], "model='lenett' is not known. Did you mean 'lenet'?"),
        (["optimizer.lr=-1,-2"], "trial optimizer.lr=-1: optimizer.lr=-1: must be a finite number, 0 or above."),
        (["model=lenett,lenet"], "trial model=lenett: model='lenett' is not known. Did you mean 'lenet'?"),
    ],
)
def test_a_combination_that_cannot_be_is_named(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        new_trials(overrides)
    assert str(raised.value).startswith(message)


def test_threads_are_given_to_trials_that_choose_none() -> None:
    own, other = new_trials(["trainer.threads=3,null"])
    assert with_threads(own, 1) == own
    given = with_threads(other, 2)
    assert given.config["trainer"]["threads"] == 2
    assert given.overrides == (*other.overrides, "trainer.threads=2")
    assert with_threads(other, None) == other


def test_trials_are_compared_by_one_objective() -> None:
    with pytest.raises(ConfigError, match=r"^objective=loss/val,accuracy/val: the trials of a sweep are compared by"):
        new_trials(["objective=loss/val,accuracy/val"])


def test_what_is_given_twice_is_said_and_run_once() -> None:
    trials = new_trials(["optimizer.lr=0.1,1e-1,0.2", "seed=1,2"])
    kept, told = without_repeated(trials)
    assert [trial.name for trial in kept] == [
        "optimizer.lr=0.1 seed=1",
        "optimizer.lr=0.1 seed=2",
        "optimizer.lr=0.2 seed=1",
        "optimizer.lr=0.2 seed=2",
    ]
    assert [trial.number for trial in kept] == [0, 1, 2, 3]
    assert told == "2 of 6 trials are equal to others, and are run once, such as optimizer.lr=0.1 seed=1"
    assert without_repeated(kept) == (kept, "")


def test_a_thousand_trials_are_composed_in_a_second_or_two() -> None:
    """Only the first one is composed by Hydra."""
    heard = []
    began = time.process_time()
    trials = new_trials(["optimizer.lr=0.1,0.01", "seed=range(0,500)"], on_progress=lambda *done: heard.append(done))
    assert time.process_time() - began < 5
    assert (len(trials), heard[-1]) == (1000, (1000, 1000))


def test_a_folder_that_cannot_have_a_sweep_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    create_sweep(tmp_path / "sweep", [], new_trials(["seed=1"]))
    with pytest.raises(RunError, match=r"sweep already has a sweep. To go on with it: sweep.resume="):
        refuse_folder(tmp_path / "sweep")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        refuse_folder(tmp_path / "file/sweep")
    refuse_folder(tmp_path / "new/sweep")
    assert not (tmp_path / "new").exists()


def test_a_folder_without_hard_links_is_refused_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(RunError, match=r"new/sweep cannot hold a sweep: .* no hard links.* with hydra.sweep.dir="):
        refuse_folder(tmp_path / "new/sweep")
    assert list(tmp_path.iterdir()) == []


def test_if_it_is_killed_before_it_is_whole_there_is_no_sweep(tmp_path: Path) -> None:
    """`sweep.yaml` is last, after what belongs to it."""
    folder = tmp_path / "sweep"
    trials = new_trials(["seed=1", "model._target_=mine.Net"])
    create_sweep(tmp_path / "other", [], new_trials(["seed=2"]))
    (tmp_path / "other/sweep.yaml").unlink()
    folder.mkdir()
    (tmp_path / "other/trials").rename(folder / "trials")
    with pytest.raises(RunError, match="has the trials of another sweep, whose command was killed"):
        create_sweep(folder, [], trials)
    assert (folder / "sources").exists()
    assert "mine.Net" in remembered(folder)
    assert not (folder / "sweep.yaml").exists()


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ("hydra.sweep.dir=out/x", "out/x"),
        ("+hydra.sweep.dir=out/x", "out/x"),
        ("++hydra.sweep.dir=5", "5"),
        ("hydra.sweep.dir='a,b'", "a,b"),
        ("hydra.sweep.dir=Bilder (1)", "Bilder (1)"),
        ("hydra.sweep.dir=out/${now:%Y}", f"out/{time.strftime('%Y')}"),
        ("hydra.sweep.dir=${oc.env:PLACE}/x", "there/x"),
    ],
)
def test_the_folder_that_is_given(given: str, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", "there")
    assert new_folder(["seed=1,2", given]) == (Path(folder), ["seed=1,2"])


def test_a_folder_that_is_not_given_is_named_by_the_time() -> None:
    folder, described = new_folder(["seed=1"])
    assert (folder.parent, described) == (Path("outputs/sweeps"), ["seed=1"])


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("hydra.sweep.dir=out/${model}", "Interpolation key 'model' not found. The folder of a sweep cannot depend on"),
        ("hydra.sweep.dir=${oc.env:NOWHERE}", "KeyError raised .*'NOWHERE' not found.*. The folder of a sweep"),
        ("hydra.sweep.dir=a,b", r"give one folder. A name with a comma needs quotes: hydra.sweep.dir=\"'a,b'\"."),
    ],
)
def test_a_folder_that_cannot_be_known_is_refused(given: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{re.escape(given)}: {reason}"):
        new_folder([given])
