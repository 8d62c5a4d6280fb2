"""TPE by Optuna, without a study that lives on."""

from itertools import chain
from statistics import fmean

import pytest

from convboard.sweeps.search.history import Outcome
from convboard.sweeps.search.space import Space, read_space
from convboard.sweeps.search.tpe import propose
from convboard.sweeps.store.entries import State

Tried = list[tuple[dict[str, str], Outcome | None]]
SPACE = read_space(
    ["optimizer.lr=tag(log,interval(1e-4,1))", "batch_size=int(interval(8,64))", "model=lenet,conv_mlp", "seed=1,2"]
)


def loss(setting: dict[str, str]) -> float:
    """The best is at 0.02 and 40, with conv_mlp."""
    size = abs(int(setting["batch_size"]) - 40) / 40
    return abs(float(setting["optimizer.lr"]) - 0.02) + size + (setting["model"] == "lenet")


def tried(number: int, space: Space = SPACE) -> Tried:
    settings: Tried = []
    for seed in range(number):
        setting = propose(space, settings, False, seed)
        settings.append((setting, Outcome(State.FINISHED, loss(setting))))
    return settings


def test_it_learns() -> None:
    losses = [loss(setting) for setting, _ in tried(50)]
    assert fmean(losses[-15:]) < 0.5 * fmean(losses[:15])


def test_equal_arguments_give_equal_proposals_in_any_process() -> None:
    settings = tried(14)
    assert propose(SPACE, settings, False, 7) == propose(SPACE, list(settings), False, 7)
    assert len({str(propose(SPACE, settings, False, seed)) for seed in range(5)}) == 5


def test_all_kinds_of_outcomes_count() -> None:
    settings = tried(14)
    without = propose(SPACE, settings, False, 7)

    def after(outcome: Outcome | None) -> dict[str, str]:
        return propose(SPACE, [*settings, *[(without, outcome)] * 5], False, 7)

    assert after(None) != without  # taken for bad ones while they run
    assert after(Outcome(State.PRUNED, 0.0, 3)) != without
    assert after(Outcome(State.PRUNED)) != without
    assert after(Outcome(State.FAILED)) == without


def test_running_settings_are_not_proposed_again_and_again() -> None:
    settings = tried(15)
    running: Tried = []
    for seed in range(8):
        running.append((propose(SPACE, chain(settings, running), False, seed), None))
    assert len({str(setting) for setting, _ in running}) == 8


@pytest.mark.parametrize("is_maximised", [True, False])
def test_numbers_of_a_list_have_an_order(is_maximised: bool) -> None:
    space = read_space(["optimizer.lr=0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9"])
    texts = space.dimensions["optimizer.lr"].extremes
    sign = 1 if is_maximised else -1
    known: Tried = [({"optimizer.lr": text}, Outcome(State.FINISHED, sign * float(text))) for text in texts[:-1] * 2]
    chosen = [float(propose(space, known, is_maximised, seed)["optimizer.lr"]) for seed in range(10)]
    assert fmean(chosen) > 0.6
