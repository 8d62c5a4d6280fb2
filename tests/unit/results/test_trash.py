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
    assert list(restore(tmp_path / "outputs.trash/digits/b")) == [paths[1]]
    assert list(restore(tmp_path / "outputs.trash")) == [paths[0], paths[2]]
    assert all((path / "config.yaml").exists() for path in paths)
    assert not (tmp_path / "outputs.trash").exists()


def test_what_is_moved_twice_comes_back_under_its_own_name(tmp_path: Path) -> None:
    for content in ("first", "second", "third"):
        moved = move_to_trash(run(tmp_path / "outputs/digits/a", content))
    assert moved == tmp_path / "outputs.trash/.3/digits/a"
    assert list(restore(tmp_path / "outputs.trash/.2/digits")) == [tmp_path / "outputs/digits/a"]
    assert (tmp_path / "outputs/digits/a/config.yaml").read_text() == "second"
    with pytest.raises(RunError, match=r"digits/a is there already: move one of the two, and restore .*\.3/digits/a"):
        list(restore(tmp_path / "outputs.trash"))
    assert moved.exists()


def test_a_sweep_that_is_moved_after_some_of_its_runs_is_whole_again(tmp_path: Path) -> None:
    sweep = tmp_path / "outputs/sweeps/one"
    first, _ = (run(sweep / f"seed={seed}") for seed in (1, 2))
    (sweep / "sweep.yaml").write_text("")
    move_to_trash(first)
    assert move_to_trash(sweep) == tmp_path / "outputs.trash/.2/sweeps/one"
    assert list(restore(tmp_path / "outputs.trash")) == [tmp_path / "outputs/sweeps/one", first]
    assert sorted(path.name for path in sweep.iterdir()) == ["seed=1", "seed=2", "sweep.yaml"]
    assert not (tmp_path / "outputs.trash").exists()


def test_a_run_is_not_put_into_a_sweep_of_the_same_name_in_the_trash(tmp_path: Path) -> None:
    sweep = tmp_path / "outputs/sweeps/one"
    for seed in (1, 2):
        path = run(sweep / f"seed={seed}")
        (sweep / "sweep.yaml").write_text("")
        if seed == 1:
            move_to_trash(sweep)
    assert move_to_trash(path) == tmp_path / "outputs.trash/.2/sweeps/one/seed=2"


def test_a_run_never_gets_into_another(tmp_path: Path) -> None:
    move_to_trash(run(tmp_path / "outputs/a", "first"))
    run(tmp_path / "outputs/a", "second")
    with pytest.raises(RunError, match="a is there already: move one of the two"):
        list(restore(tmp_path / "outputs.trash"))
    assert (tmp_path / "outputs/a/config.yaml").read_text() == "second"
    assert (tmp_path / "outputs.trash/a/config.yaml").read_text() == "first"


def test_what_is_no_trash_is_not_restored(tmp_path: Path) -> None:
    run(tmp_path / "outputs/a")
    with pytest.raises(RunError, match=r"is no folder of the trash, such as outputs\.trash"):
        list(restore(tmp_path / "outputs"))
    with pytest.raises(RunError, match=r"outputs\.trash is not there: there is nothing to move back"):
        list(restore(tmp_path / "outputs.trash"))


def test_what_cannot_be_moved(tmp_path: Path) -> None:
    run(tmp_path / "outputs/a")
    (tmp_path / "outputs.trash").write_text("a file")
    with pytest.raises(RunError, match=r"a cannot be moved to .*outputs.trash/a: "):
        move_to_trash(tmp_path / "outputs/a")
    assert (tmp_path / "outputs/a").exists()
