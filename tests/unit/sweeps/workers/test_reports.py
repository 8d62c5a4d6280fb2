"""The reason of a failed trial."""

from convboard.sweeps.workers.reports import reason_in_short


def test_the_reason_is_the_last_line_and_short() -> None:
    assert reason_in_short("Traceback\nValueError: no\n") == "ValueError: no"
    assert reason_in_short(f"Traceback\n{'x' * 2_000_000}") == "x" * 2000 + "..."
    assert reason_in_short("") == ""
