"""Which folders several processes cannot share."""

import errno
import os
from pathlib import Path

import pytest

from convboard.files.file_systems import why_not_shared


def mounts(folder: Path, *mounted: tuple[Path, str, str]) -> Path:
    """A list of what is mounted, as Linux writes it."""
    path = folder.parent / "mountinfo"
    lines = ["22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw", "damaged", ""]
    for number, (point, kind, source) in enumerate(mounted, 30):
        place = str(point).replace(" ", "\\040")
        lines.append(f"{number} 22 0:{number} / {place} rw,nosuid shared:{number} master:2 - {kind} {source} rw")
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "a mount" / "sweep"
    path.mkdir(parents=True)
    return path


@pytest.mark.parametrize(
    ("kind", "source", "name"),
    [
        ("fuse.s3fs", "s3fs", "s3fs"),
        ("fuse.gcsfuse", "my-bucket", "gcsfuse"),
        ("fuse", "mountpoint-s3", "mountpoint-s3"),
        ("fuse.mountpoint-s3", "mountpoint-s3", "mountpoint-s3"),
        ("fuse.goofys", "bucket", "goofys"),
        ("fuse.rclone", "remote:bucket/folder", "rclone"),
        ("fuse.blobfuse2", "blobfuse2", "blobfuse2"),
        ("fuse", "blobfuse", "blobfuse"),
    ],
)
def test_an_object_store_is_known_by_its_name(folder: Path, kind: str, source: str, name: str) -> None:
    """Files of this test can be linked: what is stale cannot be found by trying."""
    reason = why_not_shared(folder, mounts(folder, (folder.parent, kind, source)))
    assert reason == f"it is on an object store ({name}), which has no hard links or shows changes late"


def test_what_is_mounted_elsewhere_or_hidden_does_not_count(folder: Path) -> None:
    store = ("fuse.s3fs", "s3fs")
    beside = folder.parent.with_name("a mount of mine")
    for mounted in (
        [],
        [(beside, *store)],
        [(folder / "below", *store)],
        [(folder.parents[1], *store), (folder.parent, "nfs4", "server:/rclone")],
        [(folder.parent, *store), (folder.parent, "lustre", "mgs:/fs")],
    ):
        assert why_not_shared(folder, mounts(folder, *mounted)) == ""
    link = folder.parents[1] / "link"
    link.symlink_to(folder)
    assert "object store" in why_not_shared(link, mounts(folder, (folder.parent, *store)))


def test_this_machine_is_fit_and_nothing_is_left_behind(folder: Path, tmp_path: Path) -> None:
    assert why_not_shared(folder) == ""
    assert why_not_shared(folder, tmp_path / "no such list") == ""
    assert list(folder.iterdir()) == []


def test_without_hard_links_the_reason_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on exFAT."""
    listed = mounts(folder, (folder.parent, "exfat", "/dev/sdb1"))

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert why_not_shared(folder, listed) == "its file system (exfat) has no hard links: Operation not permitted"
    assert list(folder.iterdir()) == []


def test_links_that_are_not_counted_are_no_proof(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with sshfs, whose files all have one link."""
    listed = mounts(folder, (folder.parent, "fuse.sshfs", "host:/"))
    monkeypatch.setattr(os, "link", lambda source, to, **_: Path(to).write_bytes(Path(source).read_bytes()))
    assert why_not_shared(folder, listed) == "its file system (fuse.sshfs) does not count hard links"


def test_a_link_that_replaces_a_file_is_no_proof(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed, link = mounts(folder, (folder.parent, "odd", "odd")), os.link

    def replace(source: Path, to: Path, **_: object) -> None:
        Path(to).unlink(missing_ok=True)
        link(source, to)

    monkeypatch.setattr(os, "link", replace)
    assert why_not_shared(folder, listed) == "its file system (odd) creates a file that is there already"


def test_a_full_disk_is_no_matter_of_its_kind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fill)
    with pytest.raises(OSError, match="No space left") as raised:
        why_not_shared(folder)
    assert raised.value.filename == str(folder)
    assert list(folder.iterdir()) == []
