"""When a sweep, or a trial, ends early."""

from convboard.sweeps.workers.limits import NO_LIMITS, Limits


def test_without_limits_nothing_ends_early() -> None:
    assert NO_LIMITS.end_of_sweep(1e9, failed=5) == NO_LIMITS.overtime(1e9) == NO_LIMITS.hang(1e9, "step 7") == ""


def test_the_first_failure_or_the_time_ends_a_sweep() -> None:
    limits = Limits(stops_on_failure=True, max_minutes=1.5)
    assert limits.end_of_sweep(90.0, failed=0) == ""
    assert limits.end_of_sweep(1.0, failed=1) == "sweep.on_failure=stop, and a trial has failed"
    assert limits.end_of_sweep(91.0, failed=0) == "sweep.max_minutes=1.5 have passed"


def test_a_trial_has_a_time_of_its_own_and_must_show_progress() -> None:
    limits = Limits(trial_minutes=10.0, hang_minutes=1.0)
    assert limits.overtime(600.0) == limits.hang(60.0, "step 7") == ""
    assert limits.overtime(601.0).startswith("not done in sweep.trial_minutes=10;")
    assert limits.hang(61.0, "step 7").startswith(
        "no progress for sweep.hang_minutes=1, the last sign of it was step 7;"
    )
