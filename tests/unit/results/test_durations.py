"""Durations and ages as texts."""

import pytest

from convboard.results.durations import age_text, read_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30min", 1800), ("1.5 h", 5400), ("7d", 604_800), ("2w", 1_209_600)]
)
def test_durations(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "7 days", "1d2h", "1e3s"])
def test_what_is_no_duration(text: str) -> None:
    assert read_duration(text) is None


def test_ages() -> None:
    assert [age_text(seconds) for seconds in (-5, 40, 119, 7200, 200_000)] == ["0 s", "40 s", "1 min", "2 h", "2 d"]
