"""Folders are listed only when they have changed, and no change is missed."""

import os
from pathlib import Path

from convboard.sweeps.store.listings import Listings


def test_a_folder_is_read_again_when_it_has_changed_and_not_before(tmp_path: Path) -> None:
    listings = Listings(iter((0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 1000.0, 1001.0)).__next__)
    (tmp_path / "a").touch()
    for _ in range(5):  # a modification time may be a few seconds coarse
        assert listings.names(tmp_path) == ["a"]
    for _ in range(2):
        assert listings.names(tmp_path) == []
    (tmp_path / "b").touch()
    assert sorted(listings.names(tmp_path)) == ["a", "b"]


def test_a_name_that_is_added_in_the_same_tick_of_the_file_system_is_not_missed(tmp_path: Path) -> None:
    now = 0.0
    listings = Listings(lambda: now)
    listings.names(tmp_path)
    status = tmp_path.stat()
    (tmp_path / "late").touch()
    os.utime(tmp_path, ns=(status.st_atime_ns, status.st_mtime_ns))
    now = 1.0
    assert listings.names(tmp_path) == ["late"]


def test_a_clock_of_the_file_server_that_goes_back_hides_nothing(tmp_path: Path) -> None:
    listings = Listings(iter((0.0, 5.0, 10.0, 11.0)).__next__)
    for _ in range(3):
        listings.names(tmp_path)
    (tmp_path / "new").touch()
    os.utime(tmp_path, (0, 0))
    assert listings.names(tmp_path) == ["new"]


def test_a_folder_is_not_looked_at_again_within_an_interval(tmp_path: Path) -> None:
    now = 0.0
    listings = Listings(lambda: now)
    listings.names(tmp_path)
    (tmp_path / "tried again").touch()
    now = 29.0
    assert listings.names(tmp_path, interval=30.0) == []
    now = 31.0
    assert listings.names(tmp_path, interval=30.0) == ["tried again"]
