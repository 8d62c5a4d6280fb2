"""The check of trials: each kind once, side by side, and what a process leaves behind harms no other check."""

from collections.abc import Sequence
from typing import Any

import pytest

from convboard.errors import ConfigError
from convboard.sweeps.slots import Slot
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.trial_checks import TrialChecks, refuse_failing

CONFIG: dict[str, Any] = {
    "model": {"does": "pass"},
    "dataset": {"name": "digits", "horizontal_flip": False},
    "optimizer": {"lr": 0.1},
    "loss": {"name": "mse", "label_smoothing": 0.0},
    "trainer": {"threads": 1, "patience": None},
    "board": {"level": "default"},
    "data_dir": "data",
    "seed": 0,
}


def trial(number: int, **changes: Any) -> Trial:
    swept = {key: str(value) for key, value in changes.items()}
    return Trial(number, (), swept, str(number), CONFIG | changes)


class Heard:
    """Checks trials, and keeps what is told of that."""

    def __init__(self, places: int = 2) -> None:
        self.told: list[str] = []
        self.done: list[tuple[int, int]] = []
        self.places = places

    def failures(self, trials: Sequence[Trial]) -> dict[int, str]:
        checks = TrialChecks(
            [Slot()] * self.places,
            "trial_targets:check",
            self.told.append,
            lambda *done: self.done.append(done),
        )
        return checks.failures(trials)


def test_trials_that_differ_in_nothing_that_is_checked_share_a_check() -> None:
    heard = Heard()
    same = [
        trial(0),
        trial(1, seed=1),
        trial(2, board={"level": "full"}),
        trial(3, trainer={"threads": 1, "patience": 5}),
        trial(4, loss={"name": "mse", "label_smoothing": 0.1}),
        trial(5, dataset={"name": "digits", "horizontal_flip": True}),
    ]
    assert heard.failures(same) == {}
    assert heard.done[-1] == (1, 1)
    other = [trial(6, optimizer={"lr": 0.2}), trial(7, model={"does": "pass", "width": 2}), trial(8, data_dir="more")]
    assert heard.failures([*same, *other]) == {}
    assert heard.done[-1] == (4, 4)
    assert heard.told == ["looking", "looking"]  # once for each sweep


def test_all_that_cannot_be_run_are_found() -> None:
    trials = [trial(number, model={"does": ("pass", "fail")[number % 2]}, seed=number) for number in range(6)]
    assert Heard().failures(trials) == {1: "it cannot be", 3: "it cannot be", 5: "it cannot be"}


def test_a_process_that_ends_costs_its_trial_alone() -> None:
    trials = [trial(0, model={"does": "die"}), trial(1, model={"does": "die"}, seed=1), trial(2)]
    told = "its check ended: its process was killed by SIGKILL; the usual reason is that memory ran out"
    assert Heard(places=1).failures(trials) == {0: told, 1: told}


def test_what_is_left_behind_in_a_process_is_no_fault_of_the_next_trial() -> None:
    trials = [
        trial(0, model={"does": "spoil"}),
        *(trial(number, model={"does": "pass", "n": number}) for number in (1, 2)),
    ]
    assert Heard(places=1).failures(trials) == {}
    alike = [trial(number, model={"does": "spoil"}, optimizer={"lr": number}) for number in range(3)]
    assert Heard(places=1).failures(alike) == {}  # of one network and one data set: they are checked by one process


@pytest.mark.parametrize(
    ("failures", "message"),
    [
        ({1: "no"}, "trial seed=1: no"),
        (dict.fromkeys(range(4), "no"), "no"),
        ({1: "no", 2: "no"}, "trial seed=1: no\nIn all, 2 of 4 trials cannot be run, for this reason."),
        (
            {0: "no", 1: "no", 3: "never"},
            "trial seed=0: no\nIn all, 3 of 4 trials cannot be run, 2 of them for this reason.",
        ),
    ],
)
def test_the_first_is_named_and_the_others_are_counted(failures: dict[int, str], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        refuse_failing([trial(number, seed=number) for number in range(4)], failures)
    assert str(raised.value) == message


def test_a_sweep_of_one_trial_has_the_message_of_a_single_run() -> None:
    with pytest.raises(ConfigError, match=r"^no$"):
        refuse_failing([trial(0)], {0: "no"})
    refuse_failing([trial(0)], {})
