"""Requests that the workers of a sweep stop."""

from pathlib import Path

from convboard.sweeps.store.stop_requests import count_stops, is_stopped, request_stop


def test_a_request_is_meant_for_those_that_were_started_before(tmp_path: Path) -> None:
    early = count_stops(tmp_path)
    assert not is_stopped(tmp_path, early)
    request_stop(tmp_path)
    late = count_stops(tmp_path)
    assert is_stopped(tmp_path, early)
    assert not is_stopped(tmp_path, late)
    request_stop(tmp_path)
    assert is_stopped(tmp_path, late)
