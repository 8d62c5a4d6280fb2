"""The keys of a sweep on a command line."""

import pytest

from convboard.errors import ConfigError
from convboard.sweeps.command_options import given_keys, read_options
from convboard.sweeps.sweep_options import SweepOptions
from convboard.sweeps.workers.limits import Limits


@pytest.mark.parametrize("text", ["a/lr=0.1,seed=2", "5", "a b", "müller", "it's", "'quoted'", '"quoted"'])
def test_texts_are_taken_as_they_are_written(text: str) -> None:
    options, others = read_options(["model=lenet,conv_mlp", f"sweep.resume={text}", "sweep.workers=2", "-x"])
    assert (options.resume, options.workers) == (text.strip("'\"") if "quoted" in text else text, 2)
    assert others == ["model=lenet,conv_mlp", "-x"]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("sweep.worker=2", "sweep.worker is not a known key. Did you mean 'sweep.workers'?"),
        ("+sweep.worker=2", "sweep.worker is not a known key."),
        ("sweep.workers=two", "sweep.workers='two': must be a whole number, or null."),
        ("sweep.workers=2,3", "sweep.workers=2,3: a sweep has one value of it, not several."),
        (
            "sweep.seeds=1,2",
            "sweep.seeds=1,2: a sweep has one value of it, not several. For these seeds write seed=1,2.",
        ),
        ("sweep.retry=1", "sweep.retry is for a sweep that exists: add sweep.resume=<folder>, or omit it."),
        (
            "sweep.trust=true",
            "sweep.trust is for a sweep that exists: add sweep.resume=<folder> or sweep.join=<folder>",
        ),
        ("sweep.search_seed=4", "sweep.search_seed has no meaning for a grid."),
        ("sweep.resume=", "sweep.resume= has no value. Give the folder of a sweep, or omit it."),
        ("sweep=gird", "sweep='gird' is not known. Did you mean 'grid'?"),
    ],
)
def test_what_is_wrong_is_one_message(argument: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_options([argument])
    assert str(raised.value).startswith(message)


def test_the_keys_of_a_sweep_are_stored_with_it_but_not_those_of_a_command() -> None:
    arguments = ["+sweep.workers=3", "sweep=grid", "sweep.per_gpu=2", "seed=1,2", "sweepx=1"]
    assert given_keys(arguments) == ["workers", "sweep", "per_gpu"]
    assert not {"workers", "trust", "resume", "changed"} & read_options(arguments[:3])[0].shared().keys()
    with pytest.raises(ConfigError, match=r"^sweep.changed='maybe'"):
        SweepOptions(changed="maybe")


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("sweep.on_failure=halt", "sweep.on_failure='halt' is not known. Allowed: continue, stop."),
        (
            "sweep.max_minutes=-1",
            "sweep.max_minutes=-1: must be a finite number of minutes, 0.01 or above; null: no limit.",
        ),
        ("sweep.max_minutes=0", "sweep.max_minutes=0: must be a finite number of minutes, 0.01 or above;"),
        ("sweep.trial_minutes=nan", "sweep.trial_minutes=nan: must be a finite number of minutes, 0.01 or above;"),
        ("sweep.trial_minutes=inf", "sweep.trial_minutes=inf: must be a finite number of minutes, 0.01 or above;"),
        ("sweep.hang_minutes=0.1", "sweep.hang_minutes=0.1: must be a finite number of minutes, 0.2 or above;"),
        ("sweep.hang_minutes=soon", "sweep.hang_minutes='soon': must be a number"),
    ],
)
def test_limits_that_cannot_be(argument: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_options([argument])
    assert str(raised.value).startswith(message)


def test_limits() -> None:
    given = ["sweep.on_failure=stop", "sweep.max_minutes=90", "sweep.trial_minutes=0.5", "sweep.hang_minutes=null"]
    assert read_options(given)[0].limits() == Limits(True, 90.0, 0.5, None)
    assert read_options([])[0].limits() == Limits(hang_minutes=60.0)
