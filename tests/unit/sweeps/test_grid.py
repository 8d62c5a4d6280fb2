"""The grid: what the command line of a sweep stands for."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from convboard.errors import ConfigError
from convboard.sweeps.grid import grid


def test_every_combination_the_last_key_fastest() -> None:
    settings = grid(["model=lenet,resnet18", "batch_size=128", "seed=range(1,3)"])
    assert [setting.swept for setting in settings] == [
        {"model": "lenet", "seed": "1"},
        {"model": "lenet", "seed": "2"},
        {"model": "resnet18", "seed": "1"},
        {"model": "resnet18", "seed": "2"},
    ]
    assert settings[3].overrides == ("model=resnet18", "batch_size=128", "seed=2")


def test_without_several_values_there_is_one_trial() -> None:
    (only,) = grid(["model=lenet", "hydra.searchpath=[file:///options]"])
    assert only.swept == {"model": "lenet"}  # by which it is named
    (nameless,) = grid([])
    assert (nameless.overrides, nameless.swept) == ((), {})


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ("trainer.deterministic=true,false", ["true", "false"]),
        ("optimizer.lr=1e-1,0.01", ["0.1", "0.01"]),
        ("trainer.gradient_clip=null,1", ["null", "1"]),
        ("loss=glob(*)", ["cross_entropy", "mse"]),
        ("+optimizer.betas=[0.9,0.99],[0.8,0.9]", ["[0.9,0.99]", "[0.8,0.9]"]),
        ("batch_size=choice(32,64)", ["32", "64"]),
        ("data_dir='a,b',\"c d\"", ["'a,b'", '"c d"']),
        ("model=müller,lenet", ["'müller'", "lenet"]),
        ("~scheduler", [""]),
        ("data_dir=", ["''"]),
        ("data_dir='',a", ["''", "a"]),
    ],
)
def test_values_are_texts_that_mean_the_same(given: str, values: list[str]) -> None:
    key = given.partition("=")[0]
    found = [setting.overrides[0].removeprefix(key).removeprefix("=") for setting in grid([given])]
    assert found == values
    for setting in grid([given]):
        assert not OverridesParser.create().parse_overrides(list(setting.overrides))[0].is_sweep_override()


def test_rows_keep_their_values_together() -> None:
    rows = [{"optimizer.lr": "0.1", "batch_size": "32"}, {"optimizer.lr": "0.2"}]
    settings = grid(["batch_size=8", "seed=1,2"], rows)
    assert [setting.overrides for setting in settings] == [
        ("batch_size=32", "seed=1", "optimizer.lr=0.1"),
        ("batch_size=32", "seed=2", "optimizer.lr=0.1"),
        ("batch_size=8", "seed=1", "optimizer.lr=0.2"),
        ("batch_size=8", "seed=2", "optimizer.lr=0.2"),
    ]


@pytest.mark.parametrize("given", ["batch_size=3,4", "batch_size=3", "optimizer.lr=1,2"])
def test_values_that_rows_give_too_are_refused(given: str) -> None:
    rows = [{"optimizer.lr": "0.1", "batch_size": "32"}, {"batch_size": "64"}]
    with pytest.raises(ConfigError, match=rf"^{given}: sweep.trials= gives values to .* too. Omit one of them.$"):
        grid([given], rows)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("seed=range(3,3)", "seed=range(3,3) gives no value: the sweep has no trials. Give at least one value."),
        ("model=glob(zzz*)", "model=glob(zzz*) gives no value: the sweep has no trials."),
        (
            "optimizer.lr=interval(0.001,0.1)",
            "optimizer.lr=interval(0.001,0.1) is a space of values, of which a grid cannot try all. Give a list, such "
            "as optimizer.lr=0.1,0.01, or let it be searched: add sweep=random or sweep=tpe.",
        ),
        (
            "seed=1,2 seed=3,4",
            "seed is given twice, as seed=1,2 and as seed=3,4. Give all its values in one list.",
        ),
        ("seed=range(0,1000000000)", "-m: the sweep would have 1,000,000,000 runs. At most 100,000 are possible."),
    ],
)
def test_what_is_no_grid(given: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        grid(given.split())
    assert str(raised.value).startswith(message)
