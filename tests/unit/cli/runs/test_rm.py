"""`runs rm`: runs are moved into the trash, and back."""

import os
import re
import shlex
import time
from pathlib import Path

import pytest

from convboard.cli.runs import rm
from convboard.cli.runs.keys import split_paths
from convboard.errors import ConfigError, RunError
from convboard.results.read_runs import read_runs
from convboard.sweeps.store.journal import State
from synthetic_sweep import Outcome, grid, write_sweep


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a sweep of five runs in `outputs`, and a single run."""
    monkeypatch.chdir(tmp_path)
    outcomes = [Outcome(value=0.9), Outcome(State.FAILED), Outcome(value=0.5), Outcome(State.WAITING)]
    Path("outputs/sweeps").mkdir(parents=True)
    write_sweep(Path("outputs/sweeps/S"), grid({"seed": range(4)}), outcomes)
    write_run("single")


def write_run(name: str) -> None:
    (run := Path("outputs/digits") / name).mkdir(parents=True)
    (run / "config.yaml").write_text("objective: accuracy/val\n")
    (run / "dataset.json").write_text("{}")


def addresses() -> list[str]:
    return [row.address for row in read_runs([Path("outputs")])]


def remove(*paths: str, **keys: str) -> None:
    rm.main([*paths], rm.Arguments(**keys))


def advised(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The arguments of the command that gets back what was moved."""
    (line,) = re.findall(r"^get back: .*/runs\.py rm (.*)$", capsys.readouterr().out, re.MULTILINE)
    return shlex.split(line)


@pytest.mark.parametrize(
    ("paths", "keys", "left"),
    [
        (["outputs/digits/single"], {}, ["sweeps/S#0", "sweeps/S#1", "sweeps/S#2", "sweeps/S#3"]),
        (["outputs/sweeps/S#0", "outputs/digits"], {}, ["sweeps/S#1", "sweeps/S#2", "sweeps/S#3"]),
        (["outputs/sweeps/S/seed=1"], {}, ["digits/single", "sweeps/S#0", "sweeps/S#2", "sweeps/S#3"]),
        (["outputs/sweeps/S"], {}, ["digits/single"]),
        ([], {"where": "accuracy/val<0.6 or state=failed"}, ["digits/single", "sweeps/S#0", "sweeps/S#3"]),
        (["outputs"], {}, []),
    ],
)
def test_what_is_removed_is_listed_no_more_and_comes_back(
    paths: list[str], keys: dict[str, str], left: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = addresses()
    remove(*paths, **keys)
    assert addresses() == left
    assert not list(Path("outputs").rglob("*.trash"))  # TensorBoard would show what is in it
    given = split_paths(advised(capsys), ["restore"])
    assert given[0] == []
    remove(restore=given[1][0].removeprefix("restore="))
    assert addresses() == before


def test_old_runs(capsys: pytest.CaptureFixture[str]) -> None:
    write_run("old")
    for name, days in (("old", 8), ("single", 6)):
        then = time.time() - days * 86_400
        os.utime(Path("outputs/digits") / name / "config.yaml", (then, then))
    remove(older_than="1w")
    assert Path("outputs.trash/digits/old").exists()
    assert "digits/single" in addresses()
    remove(older_than="30d")
    assert capsys.readouterr().out.endswith("There are no such runs.\n")


def test_a_run_that_is_trained_is_refused_and_nothing_is_moved() -> None:
    outcomes = [Outcome(), Outcome(State.RUNNING)]
    write_sweep(Path("outputs/sweeps/T"), grid({"seed": range(2)}), outcomes)
    before = addresses()
    with pytest.raises(RunError, match=r"outputs/sweeps/T/seed=1 is being trained\. Nothing was moved"):
        remove("outputs")
    assert addresses() == before
    remove("outputs", where="state!=running")
    assert addresses() == ["sweeps/T#1"]


@pytest.mark.parametrize(
    ("paths", "keys", "message"),
    [
        ([], {}, "Give what is to be moved: runs, folders of runs, where= or older_than="),
        ([], {"older_than": "7"}, "older_than=7: give a number with min, h, d or w, such as 7d"),
        ([], {"restore": "outputs.trash", "where": "seed=1"}, "Omit where= and older_than="),
        (["outputs"], {"restore": "outputs.trash"}, "restore=outputs.trash cannot be used with outputs"),
    ],
)
def test_mistakes(paths: list[str], keys: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        remove(*paths, **keys)


def test_many_are_not_named_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(12):
        write_run(f"more{number:02}")
    remove("outputs/digits")
    assert "\n            and 3 more directories\n" in capsys.readouterr().out


def test_the_printed_commands_do_what_they_say_whatever_the_folder_is_called(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("my runs").mkdir()
    Path("outputs").rename("my runs/a b")
    remove("my runs/a b/digits")
    printed = capsys.readouterr().out
    found = re.search(r"^free space: rm -r (.+)$", printed, re.MULTILINE)
    assert found is not None
    (trash,) = shlex.split(found[1])
    assert Path(trash).is_dir()
    assert trash.endswith(".trash")
    back = re.search(r"^get back: +.*?runs(?:\.py)? rm (.+)$", printed, re.MULTILINE)
    assert back is not None
    (restored,) = shlex.split(back[1])
    remove(restore=restored.removeprefix("restore="))
    assert Path("my runs/a b/digits/single").is_dir()
