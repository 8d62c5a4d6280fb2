"""Racing: Wilcoxon's test against scipy's, and which seeds of which settings are run."""

import random
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from convboard.sweeps.pruning.racing import Seeds, is_hopeless, signed_rank_p
from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import SweepRecord
from convboard.sweeps.store.trials import Trial

SIZES = st.integers(-30, 30).filter(bool)


@given(st.lists(SIZES, min_size=1, max_size=12, unique_by=abs))
def test_the_p_value_is_that_of_scipy(differences: list[int]) -> None:
    wanted = wilcoxon(differences, alternative="less", method="exact").pvalue
    assert signed_rank_p(differences) == pytest.approx(wanted)


def test_ties_share_their_ranks_and_zeros_are_left_out() -> None:
    assert signed_rank_p([]) == 1.0
    assert signed_rank_p([0, -1]) == 0.5
    assert signed_rank_p([-1, -1, 1]) == pytest.approx(4 / 8)  # ranks 2, 2, 2: sums of 0 and 2 in 1 + 3 of 8 ways
    assert signed_rank_p([-3, -1, 1]) == pytest.approx(3 / 8)  # ranks 3, 1.5, 1.5: sums of 0 and 1.5


def by_seed(*values: float) -> Mapping[str, float]:
    return {str(seed): value for seed, value in enumerate(values)}


def test_a_setting_is_hopeless_when_its_first_seeds_are_all_worse() -> None:
    best = by_seed(0.9, 0.8, 0.9)
    assert not is_hopeless(by_seed(0.1), best, sign=1)  # one seed says nothing
    assert is_hopeless(by_seed(0.89, 0.7), best, sign=1)
    assert not is_hopeless(by_seed(0.91, 0.1), best, sign=1)
    assert not is_hopeless(by_seed(0.9, 0.1), best, sign=1)
    assert is_hopeless(by_seed(0.91, 0.9), best, sign=-1)
    assert not is_hopeless({"7": 0.1, "8": 0.1}, best, sign=1)  # other seeds are no comparison


def test_of_many_seeds_four_have_to_be_worse() -> None:
    best = by_seed(*[0.9] * 10)
    assert not is_hopeless(by_seed(0.1, 0.1, 0.1), best, sign=1)
    assert is_hopeless(by_seed(0.1, 0.1, 0.1, 0.1), best, sign=1)
    assert not is_hopeless(by_seed(0.1, 0.1, 0.1, 0.95), best, sign=1)
    assert not is_hopeless(by_seed(0.89, 0.89, 0.89, 0.89, 0.89, 1.0), best, sign=1)  # the mean is better


def race(
    folder: Path, search: str = "tpe", settings: int = 3, objective: str = "accuracy/val", pruner: str = "none"
) -> Sweep:
    """A sweep of settings with three seeds each."""
    swept = [{"optimizer.lr": str(lr), "seed": str(seed)} for lr in range(settings) for seed in (5, 6, 7)]
    trials = [Trial(number, (), each, str(number), {"seed": number}) for number, each in enumerate(swept)]
    keys = ("optimizer.lr", "seed")
    return Sweep.create(
        folder, SweepRecord("", keys, objective, "abc", {}, options={"search": search, "pruner": pruner}), trials
    )


def end(sweep: Sweep, number: int, value: float | None, state: State = State.FINISHED) -> None:
    sweep.journal.claim("me", [number])
    sweep.journal.append(number, Entry(state, "me", value=value))


def test_the_seeds_of_a_setting_are_run_one_by_one(tmp_path: Path) -> None:
    sweep = race(tmp_path)
    seeds = Seeds(sweep)
    assert list(seeds.claimable()) == [0, 3, 6]
    sweep.journal.claim("me", [0])
    assert list(seeds.claimable()) == [3, 6]
    end(sweep, 3, 0.5)
    end(sweep, 6, None, State.FAILED)
    assert list(seeds.claimable()) == [4, 7]
    sweep.journal.append(0, Entry(State.INTERRUPTED))
    assert list(seeds.claimable()) == [0, 4, 7]
    assert seeds.spare("me") == []


def test_in_a_grid_all_of_them_may_run(tmp_path: Path) -> None:
    sweep = race(tmp_path, search="grid")
    seeds = Seeds(sweep)
    for number, value in enumerate((0.9, 0.9, 0.9, 0.1, 0.1)):
        end(sweep, number, value)
    assert list(seeds.claimable()) == list(range(5, 9))
    assert seeds.spare("me") == []


def test_in_a_grid_with_a_pruner_the_seeds_of_a_pruned_setting_are_spared(tmp_path: Path) -> None:
    sweep = race(tmp_path, search="grid", pruner="asha")
    seeds = Seeds(sweep)
    for number, value in enumerate((0.9, 0.9, 0.9, 0.1, 0.1)):
        end(sweep, number, value)
    assert seeds.spare("me") == []
    end(sweep, 6, 0.1, State.PRUNED)
    assert seeds.spare("me") == [7, 8]


def test_no_seed_is_spent_on_a_setting_that_is_worse_than_the_best(tmp_path: Path) -> None:
    sweep = race(tmp_path)
    seeds = Seeds(sweep)
    for number, value in ((0, 0.8), (1, 0.8), (3, 0.7), (4, 0.7)):
        end(sweep, number, value)
    assert seeds.spare("me") == []  # no setting has all its seeds
    end(sweep, 2, 0.8)
    assert seeds.spare("me") == [5]
    (entry,) = sweep.journal.entries(5)
    assert (entry.state, entry.value) == (State.PRUNED, None)
    assert entry.reason == "2 seeds of this setting are worse than those of the best one, trial 0"
    assert seeds.spare("me") == []
    end(sweep, 6, 0.9)
    end(sweep, 7, 0.1)
    assert seeds.spare("me") == []
    assert list(seeds.claimable()) == [8]


def test_the_best_one_has_the_smallest_loss(tmp_path: Path) -> None:
    sweep = race(tmp_path, objective="loss/val")
    seeds = Seeds(sweep)
    for number, value in enumerate((0.8, 0.8, 0.8, 0.7, 0.7, 0.7, 0.75, 0.75)):
        end(sweep, number, value)
    assert seeds.spare("me") == [8]
    assert sweep.journal.entries(8)[-1].reason.endswith("the best one, trial 3")


def test_a_setting_of_which_a_seed_was_pruned_gets_no_further_one_unless_the_user_asks(tmp_path: Path) -> None:
    sweep = race(tmp_path, settings=1)
    seeds = Seeds(sweep)
    end(sweep, 0, 0.1, State.PRUNED)
    assert seeds.spare("me") == [1, 2]
    assert sweep.journal.entries(1)[-1].reason == "trial 0, which has another seed of the same setting, was pruned"
    sweep.promote([2])
    assert seeds.spare("me") == []
    assert list(seeds.claimable()) == [2]


@pytest.mark.parametrize(("search", "pruner"), [("tpe", "none"), ("tpe", "asha"), ("grid", "asha")])
def test_who_has_followed_the_sweep_chooses_as_one_who_reads_it_anew(search: str, pruner: str, tmp_path: Path) -> None:
    sweep, generator = race(tmp_path, search, 6, pruner=pruner), random.Random(1)
    seeds = Seeds(sweep)
    while choices := list(seeds.claimable()):
        assert choices == list(Seeds(sweep).claimable())
        number = generator.choice(choices)
        sweep.journal.claim("me", [number])
        state = generator.choice([State.FINISHED, State.FINISHED, State.PRUNED, State.FAILED, State.INTERRUPTED])
        sweep.journal.append(number, Entry(state, "me", value=generator.random()))
        seeds.spare("me")
        assert Seeds(sweep).spare("me") == []
