"""A new sweep: what is wrong in one combination is told before anything starts."""

from pathlib import Path

import pytest

from convboard.errors import ConfigError, RunError
from convboard.sweeps.new_sweep import create_sweep, new_trials, trust_trials
from convboard.sweeps.sweep_folder import Sweep
from convboard.sweeps.trials import with_threads


def test_each_trial_has_a_whole_config_that_does_not_depend_on_the_current_folder() -> None:
    first, second = new_trials(["model=lenet", "seed=1,2", "data_dir=here"])
    assert (first.config["seed"], second.config["seed"]) == (1, 2)
    assert first.config["data_dir"] == str(Path.cwd() / "here")
    assert second.overrides == ("model=lenet", "seed=2", "data_dir=here")
    assert (second.swept, second.folder) == ({"seed": "2"}, "seed=2")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["seed=1,2", "batch_size=0"], "trial seed=1: batch_size=0: must be at least 1."),
        (["batch_size=32,0"], "trial batch_size=0: batch_size=0: must be at least 1."),
        (["batch_size=0"], "batch_size=0: must be at least 1."),
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


def test_trials_are_compared_by_one_objective(tmp_path: Path) -> None:
    trials = new_trials(["objective=loss/val,accuracy/val"])
    with pytest.raises(ConfigError, match=r"^objective=loss/val,accuracy/val: the trials of a sweep are compared by"):
        create_sweep(tmp_path / "sweep", [], trials)
    assert not list(tmp_path.iterdir())


def test_code_of_somebody_else_is_not_run_unless_it_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (trial,) = new_trials(["model._target_=mine.Net"])
    Sweep.create(tmp_path / "sweep", create_sweep(tmp_path / "own", ["-m"], [trial]).record, [trial])
    sweep = Sweep.open(tmp_path / "sweep")
    with pytest.raises(RunError, match=r"mine.Net, which is not convboard's own.* say so: sweep.trust=true.$"):
        trust_trials(sweep, False)
    trust_trials(sweep, True)
    trust_trials(Sweep.open(sweep.folder), False)  # remembered
