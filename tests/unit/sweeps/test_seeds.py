"""`sweep.seeds`: which seeds, and in which order."""

import pytest

from convboard.errors import ConfigError
from convboard.sweeps.composed_trials import new_trials
from convboard.sweeps.seeds import first_seeds_first, with_seeds


def test_a_setting_is_run_with_the_configs_own_seed_and_those_that_follow() -> None:
    assert with_seeds(["model=lenet"], None) == ["model=lenet"]
    assert with_seeds(["model=lenet,conv_mlp", "optimizer.lr=0.1"], 3)[-1] == "seed=0,1,2"
    assert with_seeds(["seed=7", "batch_size=8"], 2) == ["batch_size=8", "seed=7,8"]
    assert with_seeds(["seed=7"], 1) == ["seed=7"]
    assert with_seeds(["model=lenettt,lenet"], 2)[-1] == "seed=0,1"  # the trials tell what is wrong
    assert with_seeds(["dataset=digits"], 2, [{"experiment": "mnist_99"}])[-1] == "seed=0,1"
    searched = ["optimizer.lr=interval(0.1,1)", "batch_size=choice(8,16)", "dataset=digits"]
    assert with_seeds(searched, 2) == [*searched, "seed=0,1"]


def test_several_seeds_of_the_users_own_are_told() -> None:
    for given in ("seed=1,2", "seed=range(0,3)", "seed=interval(0,9)"):
        with pytest.raises(ConfigError) as raised:
            with_seeds(["model=lenet", given], 3)
        assert str(raised.value) == f"sweep.seeds=3 cannot be used with {given}: omit one of them."

    with pytest.raises(
        ConfigError, match=r"^sweep.seeds=3 cannot be used with the seed of each row: omit one of them.$"
    ):
        with_seeds([], 3, [{"optimizer.lr": "0.1"}, {"seed": "7"}])


def test_every_setting_is_run_once_before_any_is_run_again() -> None:
    trials = first_seeds_first(new_trials(with_seeds(["dataset=digits", "batch_size=8,16", "seed=9"], 2)))
    assert [(trial.config["batch_size"], trial.config["seed"]) for trial in trials] == [
        (8, 9),
        (16, 9),
        (8, 10),
        (16, 10),
    ]
    given = first_seeds_first(new_trials(["dataset=digits", "batch_size=8,16", "seed=3,1"]))
    assert [trial.name for trial in given] == [
        *("batch_size=8 seed=3", "batch_size=16 seed=3", "batch_size=8 seed=1", "batch_size=16 seed=1"),
    ]
    assert trials[2].folder == "batch_size=8,seed=10"
    assert trials[2].overrides == ("dataset=digits", "batch_size=8", "seed=10")
