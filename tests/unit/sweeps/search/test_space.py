"""The space of a search, in Hydra's syntax."""

import math
from itertools import pairwise

import pytest

from convboard.errors import ConfigError
from convboard.sweeps.search.space import Choices, Dimension, Interval, read_space


@pytest.mark.parametrize(
    ("given", "dimension"),
    [
        ("optimizer.lr=interval(0.001,0.1)", Interval(0.001, 0.1)),
        ("optimizer.lr=tag(log,interval(0.001,0.1))", Interval(0.001, 0.1, is_log=True)),
        ("batch_size=int(interval(8,64))", Interval(8, 64, is_integer=True)),
        ("batch_size=tag(log,int(interval(8,64)))", Interval(8, 64, is_integer=True, is_log=True)),
        ("scheduler.warmup_epochs=interval(0,2)", Interval(0.0, 2.0)),
        ("model=lenet,conv_mlp", Choices(("lenet", "conv_mlp"))),
        ("trainer.gradient_clip=null,1,2", Choices(("null", "1", "2"))),
        ("optimizer.lr=0.1,1e-3,0.01", Choices(("0.001", "0.01", "0.1"), is_ordered=True)),
        ("batch_size=range(16,80,16)", Choices(("16", "32", "48", "64"), is_ordered=True)),
        ("batch_size=choice(8,8,16)", Choices(("8", "16"))),
    ],
)
def test_the_values_of_a_key(given: str, dimension: Dimension) -> None:
    assert list(read_space(["seed=1,2", given, "data_dir=here"]).dimensions.values()) == [dimension]


def test_seeds_and_single_values_are_no_part_of_the_space() -> None:
    space = read_space(["seed=1,2", "model=lenet,conv_mlp", "batch_size=choice(8)", "~scheduler"])
    assert (space.seeds, space.fixed, space.size) == (("1", "2"), ("batch_size=8", "~scheduler"), 2)
    assert read_space(["seed=1", "optimizer.lr=interval(0,1)"]).fixed == ("seed=1",)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("optimizer.lr=interval(1,0.1)", "the first bound is above the second. Write interval(0.1,1)."),
        ("optimizer.lr=interval(0.1,0.1)", "there is one value in this interval. Write optimizer.lr=0.1, or two bou"),
        ("batch_size=int(interval(8.1,8.9))", "there is one value in this interval."),
        ("optimizer.lr=tag(log,interval(0,0.1))", "the logarithm needs bounds above 0, and 0 is not. Write a small"),
        ("optimizer.lr=tag(log,interval(-1,0.1))", "the logarithm needs bounds above 0, and -1 is not."),
        ("optimizer.lr=interval(0,inf)", "the bounds of an interval must be finite numbers."),
        ("optimizer.lr=tag(mine,interval(0,1))", "mine is no tag that a search knows. Allowed: log."),
        ("batch_size=interval(8,64)", "batch_size is a whole number. Write batch_size=int(interval(8,64))."),
        ("batch_size=tag(log,interval(8,64))", "batch_size is a whole number. Write batch_size=tag(log,int(interval(8"),
        ("model=interval(0,1)", "model is no number. Give a list of the options of a group, such as model=<one>,<oth"),
        ("trainer=interval(0,1)", "trainer is no number. Give a list of the options of a group"),
        ("trainer.device=interval(0,1)", "trainer.device is no number. Give a list of its values"),
        ("seed=int(interval(0,9))", "the seed is not searched, because no seed is better than another. Give a list, s"),
        ("batch_size=range(1,1000000)", "of a long range write its bounds: batch_size=int(interval(1,1000))."),
        ("optimizer.lr=${oc.env:LR},0.1", "a search cannot choose among values of the environment."),
    ],
)
def test_a_space_that_cannot_be_is_told(given: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_space([given])
    assert str(raised.value).startswith(f"{given}: {message}")


def test_a_search_needs_a_key_with_several_values() -> None:
    with pytest.raises(
        ConfigError, match=r"^sweep=random and sweep=tpe choose values, but no key has several but the seed"
    ):
        read_space(["seed=1,2", "model=lenet"])
    with pytest.raises(ConfigError, match=r"gives no value: the sweep has no trials"):
        read_space(["batch_size=range(3,3)"])


@pytest.mark.parametrize(
    "interval",
    [
        *(Interval(0.001, 0.1), Interval(1e-6, 1, is_log=True), Interval(-2.0, 3.0), Interval(1e6, 1e6 + 1e-3)),
        *(Interval(0.1, 0.1 + 1e-9, is_log=True), Interval(1, 3, True), Interval(1, 1000, True, True)),
        *(Interval(1 / 3, 2 / 3), Interval(1e-300, 1e300, is_log=True)),
    ],
)
def test_the_values_of_an_interval_are_within_it_in_order_and_spread_evenly(interval: Interval) -> None:
    values = [float(interval.text(place / 1000)) for place in range(1000)]
    assert all(interval.low <= value <= interval.high for value in values)
    assert all(first <= second for first, second in pairwise(values))
    spread = [math.log(value) if interval.is_log else value for value in values]
    low, high = (math.log(x) if interval.is_log else x for x in (interval.low, interval.high))
    if not interval.is_integer:
        assert abs(sorted(spread)[500] - (low + high) / 2) < 0.002 * (high - low)
    assert tuple(map(float, interval.extremes)) == (interval.low, interval.high)


def test_values_have_few_digits() -> None:
    assert Interval(0.001, 0.1, is_log=True).text(1 / 3) == "0.004642"
    assert Interval(8, 64, is_integer=True).text(0.999) == "64"
    assert [Interval(1, 3, is_integer=True).text(place / 9) for place in range(9)] == [*"111222333"]


def test_every_setting_of_a_finite_space_has_an_index() -> None:
    space = read_space(["model=lenet,conv_mlp", "batch_size=int(interval(4,6))"])
    assert space.size == 6
    assert len({tuple(space[index].items()) for index in range(6)}) == 6
    assert read_space(["model=lenet,conv_mlp", "optimizer.lr=interval(0,1)"]).size is None


def test_the_corners_have_every_extreme() -> None:
    space = read_space(["model=lenet,conv_mlp", "optimizer.lr=interval(0.5,1)"])
    assert [tuple(corner.values()) for corner in space.corners()] == [
        *(("lenet", "0.5"), ("lenet", "1.0"), ("conv_mlp", "0.5"), ("conv_mlp", "1.0"))
    ]
    large = read_space(["batch_size=range(1,100)", "optimizer.lr=interval(0.5,1)", "model=lenet,x", "loss=mse,y"])
    corners = list(large.corners())
    assert len(corners) == len({tuple(corner.items()) for corner in corners}) == 98 + 1 + 4
    assert {key: {corner[key] for corner in corners} for key in large.dimensions} == {
        key: set(dimension.extremes) for key, dimension in large.dimensions.items()
    }
    assert len({(corner["model"], corner["loss"]) for corner in corners}) == 4  # all code that it may run
