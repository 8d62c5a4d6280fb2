"""Runs are moved into a trash beside the folder of runs, and back."""

from pathlib import Path

import pytest

from convboard.errors import RunError
from convboard.results.trash import move_to_trash, restore, trash_of


def run(path: Path, content: str = "seed: 1") -> Path:
    path.mkdir(parents=True)
    (path / "config.yaml").write_text(content)
    return path


@pytest.mark.parametrize(
    ("path", "trash"),
    [
        ("outputs/digits/lenet/run", "outputs.trash/digits/lenet/run"),
        ("outputs/sweeps/one/seed=1", "outputs.trash/sweeps/one/seed=1"),
        ("outputs/sweeps/one", "outputs.trash/sweeps/one"),
        ("mine/run", "mine.trash/run"),
        ("mine/sweep/seed=1", "mine.trash/sweep/seed=1"),
        ("mine/sweep", "mine.trash/sweep"),
        ("outputs", ".trash/outputs"),
    ],
)
def test_the_trash_is_beside_the_folder_that_is_shown(path: str, trash: str, tmp_path: Path) -> None:
    (tmp_path / "mine/sweep").mkdir(parents=True)
    (tmp_path / "mine/sweep/sweep.yaml").write_text("")
    expected = f"{tmp_path}{trash}" if trash.startswith(".") else f"{tmp_path}/{trash}"
    assert trash_of(tmp_path / path) == Path(expected)


def test_a_link_to_the_folder_of_runs_leads_to_a_trash_on_its_own_disk(tmp_path: Path) -> None:
    run(tmp_path / "disk/results/digits/run")
    (tmp_path / "outputs").symlink_to(tmp_path / "disk/results")
    assert move_to_trash(tmp_path / "outputs/digits/run") == tmp_path / "disk/results.trash/digits/run"


def test_what_is_moved_comes_back(tmp_path: Path) -> None:
    paths = [run(tmp_path / "outputs" / name) for name in ("digits/a", "digits/b", "sweeps/one/seed=1")]
    run(tmp_path / "outputs/sweeps/one/seed=2")
    for path in paths:
        move_to_trash(path)
    assert not any(path.exists() for path in paths)
    assert restore(tmp_path / "outputs.trash/digits/b") == [paths[1]]
    assert restore(tmp_path / "outputs.trash") == [paths[0], paths[2]]
    assert all((path / "config.yaml").exists() for path in paths)
    assert not (tmp_path / "outputs.trash").exists()


def test_a_name_that_the_trash_has_already_gets_a_number(tmp_path: Path) -> None:
    for content in ("first", "second"):
        move_to_trash(run(tmp_path / "outputs/a", content))
    assert (tmp_path / "outputs.trash/a-2/config.yaml").read_text() == "second"


def test_a_run_never_gets_into_another(tmp_path: Path) -> None:
    move_to_trash(run(tmp_path / "outputs/a", "first"))
    run(tmp_path / "outputs/a", "second")
    with pytest.raises(RunError, match="a is there already: move one of the two"):
        restore(tmp_path / "outputs.trash")
    assert (tmp_path / "outputs/a/config.yaml").read_text() == "second"
    assert (tmp_path / "outputs.trash/a/config.yaml").read_text() == "first"


@pytest.mark.parametrize("path", ["outputs", "nothing.trash"])
def test_what_is_no_trash_is_not_restored(path: str, tmp_path: Path) -> None:
    run(tmp_path / "outputs/a")
    with pytest.raises(RunError, match=r"is no folder of the trash, such as outputs\.trash"):
        restore(tmp_path / path)


def test_what_cannot_be_moved(tmp_path: Path) -> None:
    run(tmp_path / "outputs/a")
    (tmp_path / "outputs.trash").write_text("a file")
    with pytest.raises(RunError, match=r"a cannot be moved to .*outputs.trash/a: "):
        move_to_trash(tmp_path / "outputs/a")
    assert (tmp_path / "outputs/a").exists()
