import pytest

from convboard.training.distributed.heartbeats import Activity, no_progress

STEP = Activity("step 7", number=7, since=100.0, limit=20.0)
WAITING = STEP._replace(waits=True)


@pytest.mark.parametrize(
    ("activity", "others", "now", "text"),
    [
        (None, [None], 1e9, None),
        (STEP, [(7, True)], 119.0, None),
        (STEP, [(7, True)], 121.0, "no progress in step 7 for 21 s, at"),
        (STEP, [(8, False), None], 121.0, "no progress in step 7 for 21 s, at"),
        (STEP, [(7, True), (6, False)], 121.0, None),  # another is further behind
        (WAITING, [(7, True)], 121.0, None),
        (WAITING, [(7, True)], 123.0, "all processes wait for each other in step 7 for 23 s, at"),
        (WAITING, [(7, True), (7, False)], 123.0, None),  # that one reports itself
        (WAITING, [None], 123.0, None),
    ],
    ids=["idle", "in time", "alone", "last", "not last", "waits", "all wait", "one works", "one is elsewhere"],
)
def test_the_last_to_reach_a_step_keeps_the_others_waiting(
    activity: Activity | None, others: list[tuple[int, bool] | None], now: float, text: str | None
) -> None:
    assert no_progress(activity, others, now) == text
