"""The keys of a sweep itself."""

from typing import Any

import pytest

from convboard.errors import ConfigError
from convboard.sweeps.pruning.pruning import MedianRule, SuccessiveHalving
from convboard.sweeps.sweep_options import SweepOptions


@pytest.mark.parametrize(
    ("retry", "numbers"),
    [("failed", [2, 5]), ("none", []), ("5", [5]), ("[2,5]", [2, 5]), ("2, 5", [2, 5])],
)
def test_which_trials_are_tried_again(retry: str, numbers: list[int]) -> None:
    assert SweepOptions(retry=retry).trials_to_retry([2, 5], 6) == numbers


@pytest.mark.parametrize(
    ("retry", "failed", "message"),
    [
        ("2,3", [2, 5], "trial 3 has not failed. Those that failed: 2, 5."),
        ("2,99", [2, 5], "there is no trial 99 (they are 0 to 5). Those that failed: 2, 5."),
        ("all", [], "must be failed, none, or numbers of trials, such as retry=0,2. None failed."),
    ],
)
def test_only_what_has_failed_is_tried_again(retry: str, failed: list[int], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        SweepOptions(retry=retry).trials_to_retry(failed, 6)
    assert str(raised.value) == f"sweep.retry={retry}: {message}"


@pytest.mark.parametrize("key", ["workers", "per_gpu"])
def test_places_are_counted_from_one(key: str) -> None:
    for value, limit in ((0, "at least 1"), (5000, "at most 1024")):
        given: dict[str, Any] = {key: value}
        with pytest.raises(ConfigError, match=rf"^sweep.{key}={value}: must be {limit}.$"):
            SweepOptions(**given)


def test_pruned_trials_to_take_further_are_named_by_their_numbers() -> None:
    assert SweepOptions().trials_to_promote([7, 9], 10) == []
    assert SweepOptions(promote="9,7,9").trials_to_promote([7, 9], 10) == [9, 7]
    for promote, message in (
        ("7,8", r"trial 8 was not pruned. Those that were pruned: 7, 9\."),
        ("10", r"there is no trial 10 \(they are 0 to 9\). Those that were pruned: 7, 9\."),
        ("foo", r"must be numbers of trials, such as promote=0,2. Those that were pruned: 7, 9\."),
    ):
        with pytest.raises(ConfigError, match=rf"^sweep.promote={promote}: {message}$"):
            SweepOptions(promote=promote).trials_to_promote([7, 9], 10)


def test_the_rule_of_pruning_is_that_of_the_options() -> None:
    assert SweepOptions().build_pruner("accuracy/val") is None
    asha, median = SweepOptions(pruner="asha", prune_after=2), SweepOptions(pruner="median", prune_min_trials=7)
    assert asha.build_pruner("accuracy/val") == SuccessiveHalving("accuracy/val", 2, 3)
    assert median.build_pruner("loss/val") == MedianRule("loss/val", 1, 7)
    asha.check_epochs(3)
    with pytest.raises(
        ConfigError, match=r"^sweep.pruner=asha would prune nothing: with trainer.max_epochs=2 no run is"
    ):
        asha.check_epochs(2)
    with pytest.raises(ConfigError, match=r"^sweep.pruner='ash' is not known. Did you mean 'asha'"):
        SweepOptions(pruner="ash")
    for key in ("prune_after", "reduction_factor", "prune_min_trials"):
        given: dict[str, Any] = {key: 0}
        with pytest.raises(ConfigError, match=rf"^sweep.{key}=0: must be at least [12].$"):
            SweepOptions(**given)


def test_a_setting_of_another_pruner_is_told() -> None:
    with pytest.raises(ConfigError) as raised:
        SweepOptions(pruner="median", reduction_factor=4)
    assert str(raised.value) == (
        "sweep.reduction_factor=4 has no meaning for sweep.pruner=median: it belongs to sweep.pruner=asha. Omit it, or "
        "choose that."
    )
    with pytest.raises(ConfigError, match=r"^sweep.prune_after=2 has no meaning for sweep.pruner=none: "):
        SweepOptions(prune_after=2)
