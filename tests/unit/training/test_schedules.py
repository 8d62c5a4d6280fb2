import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convboard.errors import ConfigError
from convboard.training.schedules import Constant, Cosine, OneCycle, Schedule, StepDecay

TOTAL, PER_EPOCH = 100, 10


def curve(schedule: Schedule, total: int = TOTAL) -> list[float]:
    return [schedule(step, total, PER_EPOCH) for step in range(total)]


def test_constant_is_one_throughout() -> None:
    assert curve(Constant()) == [1.0] * TOTAL


def test_warmup_rises_linearly_and_then_hands_over() -> None:
    factors = curve(Constant(warmup_epochs=1))
    assert factors[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert factors[10:] == [1.0] * 90


def test_cosine_ends_at_its_final_factor_and_is_half_way_in_the_middle() -> None:
    factors = curve(Cosine(final_factor=0.1), total=101)
    assert factors[0] == 1.0
    assert factors[50] == pytest.approx(0.55)
    assert factors[100] == pytest.approx(0.1)
    assert factors == sorted(factors, reverse=True)


def test_one_cycle_peaks_where_the_rise_ends() -> None:
    factors = curve(OneCycle(rise=0.3, initial_factor=0.04, final_factor=0.0))
    assert factors[0] == pytest.approx(0.04)
    assert factors[29] == 1.0 == max(factors)
    assert factors[-1] == pytest.approx(0.0)
    assert factors[:30] == sorted(factors[:30])


def test_one_cycle_takes_the_length_of_its_rise_in_epochs_too() -> None:
    factors = curve(OneCycle(warmup_epochs=2))
    assert factors.index(1.0) == 19


def test_step_decay_drops_after_each_span_of_epochs() -> None:
    factors = curve(StepDecay(epochs=4, gamma=0.5))
    assert factors[39:41] == [1.0, 0.5]
    assert factors[79:81] == [0.5, 0.25]


@given(
    schedule=st.sampled_from(
        [Constant(), Cosine(), OneCycle(), StepDecay(), Cosine(warmup_epochs=3), OneCycle(rise=0)]
    ),
    total=st.integers(1, 50),
)
def test_every_factor_lies_between_zero_and_one_however_short_the_run(schedule: Schedule, total: int) -> None:
    assert all(0.0 <= factor <= 1.0 for factor in curve(schedule, total))


def test_out_of_range_arguments_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"^warmup_epochs=-1: must be at least 0\.$"):
        Constant(warmup_epochs=-1)
    with pytest.raises(ConfigError, match=r"^rise=2: must be between 0 and 1\.$"):
        OneCycle(rise=2)
    with pytest.raises(ConfigError, match=r"^gamma=nan"):
        StepDecay(gamma=math.nan)
