import json

import pytest

from convboard.training.distributed.failures import Doing, Sign, gone, missing, silent, stuck

STEP = Doing("step 7", number=7, since=100.0, seconds=20.0)
WAITING = STEP._replace(waits=True)


def sign(doing: list[object] | None = None, at: float = 0.0, look: int = 0) -> Sign:
    return Sign(json.dumps({"beat": 1, "host": "there", "pid": 4711, "doing": doing}), at, look)


def test_the_one_not_heard_from_is_to_blame() -> None:
    signs = {1: sign(at=119.0), 2: sign(at=99.0)}
    assert silent(signs, 118.9, 20.0) is None
    failure = silent(signs, 119.1, 20.0)
    assert failure is not None
    assert (failure.rank, failure.code, failure.is_silent) == (2, 1, True)
    assert failure.text == "process 4711 on there was not heard from for 20 s: it is stopped, or cut off."


def test_who_was_asleep_blames_nobody_for_that_time() -> None:
    signs = {1: sign(at=0.0)}
    assert silent(signs, 119.0, 20.0, awake_since=100.0) is None
    assert silent(signs, 121.0, 20.0, awake_since=100.0) is not None
    assert stuck(STEP, {1: sign([7, True])}, 139.0, awake_since=120.0) is None


@pytest.mark.parametrize(
    ("doing", "others", "now", "said"),
    [
        (None, [None], 1e9, None),
        (STEP, [[7, True]], 119.0, None),
        (STEP, [[7, True]], 121.0, "it came no further in step 7 for 21 s. It is at"),
        (STEP, [[8, False], None], 121.0, "it came no further in step 7 for 21 s. It is at"),
        (STEP, [[7, True], [6, False]], 121.0, None),  # another is further behind
        (WAITING, [[7, True]], 121.0, None),
        (WAITING, [[7, True]], 123.0, "all processes wait for each other in step 7 for 23 s, at"),
        (WAITING, [[7, True], [7, False]], 123.0, None),  # that one says it of itself
        (WAITING, [None], 123.0, None),
    ],
    ids=["idle", "in time", "alone", "last", "not last", "waits", "all wait", "one works", "one is elsewhere"],
)
def test_the_last_to_come_to_a_step_holds_up_all(
    doing: Doing | None, others: list[list[object] | None], now: float, said: str | None
) -> None:
    signs = {rank: sign(state) for rank, state in enumerate(others, 1)}
    assert stuck(doing, signs, now, awake_since=0.0) == said


def test_who_has_given_no_sign_since_is_missing() -> None:
    signs = {1: sign(look=12), 2: sign(look=11), 3: sign(look=10)}
    assert missing([1, 2, 3, 4], signs, since=10) == [2, 3, 4]
    assert gone(2, signs).text == "process 4711 on there is gone: it was killed, or its machine is down."
    assert gone(4, signs).text == "it ended, or was stopped, before it was heard of."
