"""What source files were when they were last read."""

import os
from pathlib import Path

import pytest

from convboard import files
from convboard.data.fingerprint import take_fingerprint


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_text(path.name)
    return paths


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were hashed."""
    names: list[str] = []
    sha256 = files.sha256

    def counting(path: Path) -> str:
        names.append(path.name)
        return sha256(path)

    monkeypatch.setattr(files, "sha256", counting)
    return names


def test_known_files_are_not_hashed_again(tmp_path: Path, sources: list[Path], hashed: list[str]) -> None:
    record = tmp_path / "record.json"
    first = take_fingerprint(sources, tmp_path, record)
    assert first.is_new
    first.save(record)
    again = take_fingerprint(sources, tmp_path, record)
    assert (again.digest, again.altered, again.is_new) == (first.digest, (), False)
    assert sorted(hashed) == ["a", "b"]


def test_a_file_touched_is_hashed_and_found_the_same(tmp_path: Path, sources: list[Path], hashed: list[str]) -> None:
    record = tmp_path / "record.json"
    first = take_fingerprint(sources, tmp_path, record)
    first.save(record)
    os.utime(sources[0], ns=(1, 1))
    again = take_fingerprint(sources, tmp_path, record)
    assert (again.digest, again.altered, again.is_new) == (first.digest, (), True)
    assert hashed[2:] == ["a"]


def test_a_file_altered_is_named(tmp_path: Path, sources: list[Path]) -> None:
    record = tmp_path / "record.json"
    first = take_fingerprint(sources, tmp_path, record)
    first.save(record)
    sources[1].write_text("B")
    os.utime(sources[1], ns=(1, 1))
    again = take_fingerprint(sources, tmp_path, record)
    assert again.altered == (sources[1],)
    assert again.digest != first.digest


def test_names_count(tmp_path: Path, sources: list[Path]) -> None:
    first = take_fingerprint(sources, tmp_path, tmp_path / "record.json")
    renamed = [sources[0], sources[1].rename(tmp_path / "c")]
    assert take_fingerprint(renamed, tmp_path, tmp_path / "record.json").digest != first.digest


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"a": ["x", 2, 3]}', "\x00"])
def test_a_damaged_record_is_as_none(tmp_path: Path, sources: list[Path], content: str) -> None:
    record = tmp_path / "record.json"
    digest = take_fingerprint(sources, tmp_path, record).digest
    record.write_text(content)
    fingerprint = take_fingerprint(sources, tmp_path, record)
    assert (fingerprint.digest, fingerprint.altered, fingerprint.is_new) == (digest, (), True)
