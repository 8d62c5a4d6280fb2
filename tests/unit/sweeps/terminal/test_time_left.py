"""How long trials and the rest of a sweep are expected to take."""

import pytest

from convboard.sweeps.store.trials import Trial
from convboard.sweeps.terminal.time_left import Durations, makespan


def trial(max_epochs: int = 1, **swept: str) -> Trial:
    return Trial(0, (), swept, "", {"trainer": {"max_epochs": max_epochs}})


def test_the_key_that_explains_the_differences_is_asked() -> None:
    durations = Durations()
    assert durations.estimate(trial(model="a")) is None
    assert durations.estimate(trial(3, model="a"), epoch_seconds=2.0) == 6.0
    for seconds, model, lr in ((1.0, "a", "1"), (1.2, "a", "2"), (9.0, "b", "1"), (9.4, "b", "2")):
        durations.add(trial(model=model, lr=lr), seconds)
    assert durations.estimate(trial(model="a", lr="1")) == pytest.approx(1.1)
    assert durations.estimate(trial(10, model="b", lr="3")) == pytest.approx(92.0)
    assert durations.estimate(trial(model="c", lr="1")) == pytest.approx(5.15)  # no such model has ended


def test_without_such_a_key_it_is_the_mean() -> None:
    durations = Durations()
    for number, seconds in enumerate((1.0, 3.0, 2.0, 6.0)):  # a key that is another one in each trial explains nothing
        durations.add(trial(lr=str(number), model=str(number % 2)), seconds)
    assert durations.estimate(trial(lr="0", model="0")) == pytest.approx(3.0)


def test_each_waiting_trial_starts_where_a_place_becomes_free() -> None:
    assert makespan([], [], 2) == 0
    assert makespan([4.0], [], 8) == 4
    assert makespan([5.0, 10.0], [10.0] * 3, 2) == 25  # 5 to 15, 10 to 20, 15 to 25
    assert makespan([1.0, 1.0], [1.0, 1.0, 20.0], 2) == 22
    assert makespan([1.0, 1.0], [1.0] * 10_000, 2) == pytest.approx(5001)
