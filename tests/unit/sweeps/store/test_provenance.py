"""The code and the data of a sweep: what its trials are trained with is noticed when it changes, and nothing else."""

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch  # noqa: F401  (the data is then described in this process)

from convboard.config.current_folder import importable_from
from convboard.errors import RunError
from convboard.sweeps.composed_trials import new_trials
from convboard.sweeps.new_sweep import create_sweep
from convboard.sweeps.store.provenance import Provenance, changes, frozen_code, imported_code, provenance_of, trust_copy
from convboard.sweeps.store.sweep_folder import Sweep

MODULES = {
    "mine.py": "from helpers import layer\nimport json\nfrom package.net import Net as Other\nclass Net: ...",
    "helpers.py": "def layer():\n    import more",
    "more.py": "",
    "unrelated.py": "",
    "package/__init__.py": "",
    "package/net.py": "from . import other\nclass Net: ...",
    "package/other.py": "",
}


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    """A sweep of a model of the user's own, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name, text in MODULES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return create_sweep(tmp_path / "sweep", ["-m"], new_trials(["model._target_=mine.Net", "seed=1,2"]))


def now(sweep: Sweep) -> Provenance:
    return provenance_of(sweep.trials, resumed=True)


def test_files_that_trials_import_are_sources_and_others_are_not(sweep: Sweep, tmp_path: Path) -> None:
    foreign = [name for name in now(sweep).sources if not name.startswith("convboard/")]
    assert foreign == sorted(MODULES.keys() - {"unrelated.py"})
    own = now(sweep).sources.keys() - set(foreign)
    assert {"convboard/errors.py", "convboard/models/lenet.py", "convboard/training/trainer.py"} <= own
    assert not any(name.startswith(("convboard/cli/", "convboard/plugins/", "convboard/sweeps/")) for name in own)
    (tmp_path / "unrelated.py").write_text("changed")
    assert changes(Sweep.open(sweep.folder), now(sweep)) == []


def test_files_that_have_changed_are_named(sweep: Sweep, tmp_path: Path) -> None:
    (tmp_path / "more.py").write_text("import new")
    (tmp_path / "new.py").touch()
    (tmp_path / "package/other.py").unlink()
    assert changes(sweep, now(sweep)) == ["more.py has changed", "new.py is new", "package/other.py is not there"]
    for file in (sweep.folder / "sources").glob("*.json"):
        file.write_text("{")
    assert changes(sweep, now(sweep)) == [
        "source files have changed; which, is not known, because the list of them is lost"
    ]


def test_many_files_are_counted(sweep: Sweep) -> None:
    today = now(sweep)
    other = replace(today, sources=dict.fromkeys(today.sources, "other"))
    assert len(changes(sweep, other)) == 11
    assert changes(sweep, other)[-1] == f"and {len(today.sources) - 10} more source files"


def test_versions_are_compared_without_the_kind_of_build(sweep: Sweep) -> None:
    environment = dict(now(sweep).environment)
    today = replace(now(sweep), environment=environment)
    environment |= {"torch": environment["torch"].partition("+")[0] + "+cu128", "processor": "another", "python": "3.9"}
    assert changes(sweep, today) == []
    environment |= {"torch": "2.11.0", "git commit": "abc (changed)"}
    (version, commit) = changes(sweep, today)
    assert version.endswith("and is 2.11.0 now")
    assert version.startswith("torch was 2.")
    assert commit == "git commit: was none, and is abc now"


def test_data_that_has_changed_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "flowers"
    for name in ("rose/1.png", "tulip/1.png"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(b"picture")
    trials = new_trials(["dataset=image_folder", f"dataset.path={folder}", "seed=1,2"])
    sweep = create_sweep(tmp_path / "sweep", ["-m"], trials)
    name = f"image_folder in {folder}"
    assert sweep.record.data.keys() == {name}
    assert sweep.record.data[name].startswith("2 files, 14 bytes, SHA-256 ")
    (folder / "rose/1.png").touch()
    assert changes(sweep, now(sweep)) == []
    (folder / "rose/1.png").write_bytes(b"drawing")
    (change,) = changes(sweep, now(sweep))
    assert change.startswith(
        f"{name}: was 2 files, 14 bytes, SHA-256 {sweep.record.data[name][-16:]}, and is 2 files, "
    )


def test_data_that_is_missing_is_told_where_it_was_there_before(tmp_path: Path) -> None:
    trials = new_trials(["dataset=mnist", f"data_dir={tmp_path}"])
    sweep = create_sweep(tmp_path / "sweep", ["-m"], trials)
    assert sweep.record.data == {}  # it will be downloaded
    assert changes(sweep, now(sweep)) == []
    name = f"mnist in {tmp_path}"
    sweep.record = replace(sweep.record, data={name: "4 files"})
    assert changes(sweep, now(sweep)) == [f"{name}: was 4 files, and is not there now"]


def test_code_that_is_edited_while_it_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    edit = "from pathlib import Path\nPath(__file__).write_text('edited = True')\n"
    (tmp_path / "edits.py").write_text(f"from edited import Net\n{edit}")
    (tmp_path / "edited.py").write_text("class Net: ...")
    trials = new_trials(["model._target_=edits.Net"])
    sweep = create_sweep(tmp_path / "sweep", ["-m"], trials)
    copy = sweep.folder / "sources" / sweep.record.sources
    try:
        assert frozen_code(sweep.folder, sweep.trials[0]) is None
        assert imported_code(sweep.folder, sweep.trials[0]) == copy
        assert not {"edits", "edited"} & sys.modules.keys()
    finally:
        for name in ("edits", "edited"):
            sys.modules.pop(name, None)


def test_trials_import_what_the_sweep_began_with(sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial, copy = sweep.trials[0], sweep.folder / "sources" / sweep.record.sources
    assert frozen_code(sweep.folder, trial) is None  # as it is, beside files that it may read
    assert frozen_code(sweep.folder, replace(trial, config={})) is None
    (tmp_path / "unrelated.py").write_text("changed")
    assert frozen_code(sweep.folder, trial) is None
    for edit in ("more.py", "package/other.py", "mine.py"):
        text = (tmp_path / edit).read_text()
        (tmp_path / edit).write_text("edited = True")
        assert frozen_code(sweep.folder, trial) == copy
        (tmp_path / edit).write_text(text)
    (tmp_path / "mine.py").unlink()
    assert frozen_code(sweep.folder, trial) == copy
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    with importable_from(str(copy), ["mine"]):
        mine = importlib.import_module("mine")
    assert mine.__file__ == str(copy / "mine.py")
    assert mine.layer.__module__ == "helpers"
    for name in ("mine", "helpers", "package", "package.net", "package.other"):
        del sys.modules[name]
    (copy / "helpers.py").write_text("def layer(): other")
    with pytest.raises(RunError, match="is not as it was copied when the sweep began"):
        frozen_code(sweep.folder, trial)


@pytest.mark.parametrize("name", ["mine.abi3.so", "__pycache__/mine.cpython-312.pyc", "unrelated.py", "link"])
def test_nothing_is_imported_from_a_copy_to_which_something_was_added(sweep: Sweep, tmp_path: Path, name: str) -> None:
    copy = sweep.folder / "sources" / sweep.record.sources
    (tmp_path / "mine.py").write_text("edited = True")
    assert frozen_code(sweep.folder, sweep.trials[0]) == copy
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).symlink_to(tmp_path) if name == "link" else (copy / name).touch()
    with pytest.raises(RunError, match=f"{name} is not as it was copied when the sweep began"):
        frozen_code(sweep.folder, sweep.trials[0])


def test_code_of_somebody_else_is_not_imported_from_a_sweep_that_is_not_trusted(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text("class Net: mine = True")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another user"))
    assert frozen_code(sweep.folder, sweep.trials[0]) is None
    assert changes(sweep, now(sweep), with_own_code=False)
    trust_copy(sweep)
    assert frozen_code(sweep.folder, sweep.trials[0]) is not None
    assert changes(sweep, now(sweep), with_own_code=False) == []
