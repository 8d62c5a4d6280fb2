"""Requests that the workers of a sweep stop."""

from pathlib import Path

from convboard.sweeps.store.stop_requests import STOPS, count_stops, is_stopped, request_stop
from nfs_client import NfsClient


def test_a_request_is_meant_for_those_that_were_started_before(tmp_path: Path) -> None:
    early = count_stops(tmp_path)
    assert not is_stopped(tmp_path, early)
    request_stop(tmp_path)
    late = count_stops(tmp_path)
    assert is_stopped(tmp_path, early)
    assert not is_stopped(tmp_path, late)
    request_stop(tmp_path)
    assert is_stopped(tmp_path, late)


def test_a_request_is_seen_at_once_by_who_has_looked_for_it_in_vain(tmp_path: Path) -> None:
    (tmp_path / STOPS).mkdir()  # is there from the beginning of a sweep
    client = NfsClient()
    with client.looking():
        assert not is_stopped(tmp_path, 0)
        assert not (tmp_path / STOPS / "0000").exists()
    request_stop(tmp_path)
    with client.looking():
        assert not (tmp_path / STOPS / "0000").exists()
        assert is_stopped(tmp_path, 0)
        assert count_stops(tmp_path) == 1
