"""A sweep that is resumed or joined: what is added to it, and what is refused."""

import errno
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch  # noqa: F401  (the data is then described in this process)

from convboard.errors import ConfigError, ConvboardError, RunError
from convboard.sweeps.command_options import read_options
from convboard.sweeps.composed_trials import new_trials
from convboard.sweeps.existing_sweep import join_sweep, resume_sweep
from convboard.sweeps.new_sweep import create_sweep
from convboard.sweeps.search.new_search import new_plan
from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.liveness import SignOfLife, this_worker
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import read_record
from convboard.sweeps.store.trials import with_threads
from convboard.sweeps.sweep_options import SweepOptions
from convboard.sweeps.trial_plans import with_plans


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a sweep, which is not the current one."""
    monkeypatch.chdir(tmp_path)
    trials = [with_threads(trial, 2) for trial in new_trials(["optimizer.lr=0.1,0.01", "seed=1,2", "batch_size=32"])]
    return create_sweep(tmp_path / "sweep", ["-m"], trials).folder


def resumed(folder: Path, *arguments: str) -> Sweep:
    given = [f"sweep.resume={folder}", *arguments]
    resumption = resume_sweep(*read_options(given), given)
    resumption.apply()
    return resumption.sweep


def joined(folder: Path, *arguments: str) -> Sweep:
    given = [f"sweep.join={folder}", *arguments]
    return join_sweep(*read_options(given), given)


def names(sweep: Sweep) -> list[str]:
    return [trial.name for trial in sweep.trials][4:]


@pytest.mark.parametrize(
    ("values", "added"),
    [
        (["seed=2,3"], ["optimizer.lr=0.1 seed=3", "optimizer.lr=0.01 seed=3"]),
        (["optimizer.lr=1.0", "seed=1"], ["optimizer.lr=1.0 seed=1"]),
        (["seed=1"], []),
        (["batch_size=32"], []),  # as they are
        (
            ["batch_size=64", "seed=1"],
            ["optimizer.lr=0.1 seed=1 batch_size=64", "optimizer.lr=0.01 seed=1 batch_size=64"],
        ),
    ],
)
def test_trials_that_are_missing_are_added(folder: Path, values: Sequence[str], added: list[str]) -> None:
    sweep = resumed(folder, *values)
    assert names(sweep) == added == names(Sweep.open(folder))
    assert all(trial.config["trainer"]["threads"] == 2 for trial in sweep.trials)
    assert ("batch_size" in sweep.record.swept) == ("batch_size=64" in values)
    assert names(resumed(folder, *values)) == added  # once


def test_before_it_is_applied_nothing_is_written(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    given = [f"sweep.resume={folder}", "seed=2,3"]
    resumption = resume_sweep(*read_options(given), given)
    assert [(trial.number, trial.swept["seed"]) for trial in resumption.todo()] == list(enumerate("121233"))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_values_that_are_added_one_after_another_are_combined(folder: Path) -> None:
    resumed(folder, "seed=3")
    assert [name for name in names(resumed(folder, "model=lenet,conv_mlp")) if "conv_mlp" in name] == [
        f"optimizer.lr={lr} seed={seed} model=conv_mlp" for seed in (1, 2, 3) for lr in ("0.1", "0.01")
    ]


def test_what_is_added_is_executed_as_its_kind_is(tmp_path: Path) -> None:
    """Two kinds have two plans, of which a trial of a third one has neither."""
    composed = [with_threads(trial, 2) for trial in new_trials(["batch_size=32,64", "seed=1"])]
    plans = {"batch_size=32": True, "batch_size=64": False}
    open_plan = {"device": "cpu", "precision": "fp32"}
    trials = with_plans(composed, lambda trial: open_plan | {"channels_last": plans[trial.name]})
    folder = create_sweep(tmp_path / "sweep", ["-m", "batch_size=32,64", "seed=1"], trials).folder
    given = [f"sweep.resume={folder}", "batch_size=64,128", "seed=1,2"]
    added = resume_sweep(*read_options(given), given).further
    assert [(trial.name, trial.config["trainer"]["channels_last"]) for trial in added] == [
        ("batch_size=64 seed=2", False),
        ("batch_size=128 seed=1", None),
        ("batch_size=128 seed=2", None),
    ]
    assert [trial.overrides[2:] for trial in added] == [
        ("trainer.threads=2", "trainer.channels_last=false"),
        ("trainer.threads=2",),
        ("trainer.threads=2",),
    ]


def test_what_the_user_has_given_of_a_plan_is_kept(tmp_path: Path) -> None:
    given = ["seed=1,2", "trainer.channels_last=true", "trainer.threads=3"]
    folder = create_sweep(tmp_path / "sweep", ["-m", *given], new_trials(given)).folder
    added = resumed(folder, "seed=3").trials[2]
    assert added.overrides == ("trainer.channels_last=true", "trainer.threads=3", "seed=3")


def test_what_is_added_is_compared_by_the_objective_of_the_sweep(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "conf/experiment").mkdir(parents=True)
    (tmp_path / "conf/experiment/mine.yaml").write_text("# @package _global_\nobjective: loss/val")
    with pytest.raises(ConfigError, match=r"experiment=mine: objective=loss/val is not accuracy/val, by which"):
        resumed(folder, "experiment=mine")


def test_what_a_further_value_cannot_be_is_told(folder: Path) -> None:
    for values, message in {
        ("seed=3", "batch_size=0"): "batch_size=0: must be at least 1.",
        ("objective=loss/val",): "objective=loss/val cannot be used with sweep.resume=",
        ("hydra.sweep.dir=here",): "hydra.sweep.dir=here cannot be used with sweep.resume=",
        ("seed=range(0,1000000)",): "-m: the sweep would have 2,000,000 runs.",
    }.items():
        with pytest.raises(ConfigError) as raised:
            resumed(folder, *values)
        assert str(raised.value).startswith(message)
    assert len(Sweep.open(folder).trials) == 4


def test_options_that_have_changed_are_told_before_trials_are_added(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "conf/optimizer").mkdir(parents=True)
    (tmp_path / "conf/optimizer/sgd.yaml").write_text("_target_: torch.optim.SGD\nlr: 0.1\nmomentum: 0.8\n")
    assert len(resumed(folder).trials) == 4  # what waits keeps its config
    with pytest.raises(RunError) as raised:
        resumed(folder, "seed=3")
    assert "Its trial optimizer.lr=0.1 seed=1 would differ now:\n  optimizer.momentum was 0.9, and is 0.8" in str(
        raised.value
    )
    sweep = resumed(folder, "seed=3", "sweep.changed=accept")
    assert [trial.config["optimizer"]["momentum"] for trial in sweep.trials] == [0.9] * 4 + [0.8] * 2


def test_code_that_has_changed_is_refused_until_it_is_accepted(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text("class Net: ...")
    resumed(folder, "model._target_=mine.Net")
    (tmp_path / "mine.py").write_text("class Net: changed = True")
    monkeypatch.setattr("sys.argv", ["train.py"])
    monkeypatch.delenv("UV", raising=False)
    with pytest.raises(RunError) as raised:
        resumed(folder, "seed=1", "sweep.changed=refuse")
    assert str(raised.value) == (
        "sweep: what its runs are trained with has changed, so that they could not be compared:\n"
        "  mine.py has changed\nRestore it, or start a new sweep.\nTo go on with the copy that the sweep has of your "
        f"own code: python train.py -m sweep.resume={folder} seed=1 sweep.changed=keep\n"
        f"To go on with what is there now: python train.py -m sweep.resume={folder} seed=1 sweep.changed=accept"
    )
    joined(folder)
    resumed(folder, "sweep.changed=keep")
    resumed(folder, "sweep.changed=accept")
    resumed(folder)


def test_versions_that_have_changed_are_refused_and_those_of_a_worker_change_nothing(folder: Path) -> None:
    sweep = Sweep.open(folder)
    sweep.revise(lambda record: replace(record, environment={**record.environment, "convboard": "9.9"}))
    for open_it in (joined, resumed):
        for keep in ((), ("sweep.changed=keep",)):
            with pytest.raises(
                RunError, match=r"\n  convboard was 9.9, and is .* now\nRestore it.*\nTo go on .* sweep.changed=acc"
            ):
                open_it(folder, *keep)
    joined(folder, "sweep.changed=accept")
    with pytest.raises(RunError, match="convboard was"):
        joined(folder)
    resumed(folder, "sweep.changed=accept")
    joined(folder)


def test_trials_that_the_folder_gives_other_code_are_not_added(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Further trials are composed from overrides in the folder, which need not be those of its configs."""
    block = folder / "trials/00000.jsonl"
    lines = [json.loads(line) for line in block.read_text().splitlines()]
    for line in lines:
        line["overrides"].append("model._target_=theirs.Net")
    block.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(RunError, match=r"theirs.Net, which is not convboard's own"):
        resumed(folder, "seed=3", "sweep.changed=accept")
    assert len(Sweep.open(folder).trials) == 4
    resumed(folder, "seed=3", "sweep.changed=accept", "model._target_=theirs.Net")


def test_who_is_killed_when_trials_are_added_has_written_what_belongs_to_them(folder: Path) -> None:
    given = [f"sweep.resume={folder}", "batch_size=64"]
    resumption = resume_sweep(*read_options(given), given)
    (folder / "trials/00004.jsonl").mkdir()  # in the way of the block
    with pytest.raises(RunError):
        resumption.apply()
    assert "batch_size" in read_record(folder).swept


def test_the_trials_that_a_search_would_still_propose_are_counted(tmp_path: Path) -> None:
    options = SweepOptions(search="random", max_trials=3)
    plan = new_plan(options, ["optimizer.lr=interval(0.1,0.2)"])
    assert plan
    trials = list(plan.corners())
    folder = create_sweep(tmp_path / "sweep", ["-m"], trials, options, plan.to_json()).folder
    for given, proposed in ((), 3), (["sweep.max_trials=8"], 8):
        arguments = [f"sweep.resume={folder}", *given]
        assert resume_sweep(*read_options(arguments), arguments).proposed() == proposed
    sweep = Sweep.open(folder)
    sweep.trials.add_block(trials)
    assert resume_sweep(*read_options(arguments), arguments).proposed() == 8 - len(trials)


def test_a_machine_with_another_kind_of_device_is_refused_before_it_claims_a_trial(folder: Path) -> None:
    sweep = Sweep.open(folder)
    assert sweep.record.environment["device"] == "cpu"
    sweep.revise(lambda record: replace(record, environment={**record.environment, "device": "cuda"}))
    for open_it in (joined, resumed):
        with pytest.raises(RunError, match=r"device was cuda, for which .* were chosen, and is cpu here: go on"):
            open_it(folder)
    joined(folder, "sweep.changed=accept")
    resumed(folder, "sweep.changed=accept")
    joined(folder)


def test_who_joins_adds_nothing_and_tries_nothing_again(folder: Path) -> None:
    sweep = Sweep.open(folder)
    for number, state in enumerate((State.FAILED, State.INTERRUPTED)):
        sweep.journal.claim("gone", [number])
        sweep.journal.append(number, Entry(state, "gone"))
    before = sorted((folder / "journal").rglob("*"))
    assert [joined(folder).journal.state(number) for number in range(3)] == ["failed", "interrupted", "waiting"]
    assert sorted((folder / "journal").rglob("*")) == before
    for argument in ("sweep.retry=none", "sweep=grid", "seed=3", "hydra.sweep.dir=x", f"sweep.resume={folder}"):
        with pytest.raises(ConfigError, match=r"cannot be used with sweep.join=, which trains runs of a sweep"):
            joined(folder, argument)
    assert [resumed(folder).journal.state(number) for number in range(3)] == ["waiting"] * 3


def test_a_folder_without_a_sweep_is_not_joined(tmp_path: Path) -> None:
    with pytest.raises(ConvboardError, match="has no sweep"):
        joined(tmp_path)


def test_a_sweep_that_this_node_sees_through_an_object_store_is_not_joined(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(RunError, match=r"sweep cannot hold a sweep: .* has no hard links.* move it to a local disk"):
        joined(folder)


def test_a_sweep_of_a_version_with_other_keys_is_refused_with_the_difference(folder: Path) -> None:
    sweep = Sweep.open(folder)
    sweep.revise(
        lambda record: replace(record, options={**record.options, "fused": 8}, environment={"convboard": "9.9"})
    )
    for open_it in (joined, resumed):
        with pytest.raises(RunError, match=r"was made by convboard 9.9, and this is .*: only one of them knows sweep."):
            open_it(folder, "sweep.changed=accept")


def test_a_copy_of_a_sweep_that_is_being_trained_is_refused(folder: Path, tmp_path: Path) -> None:
    sweep, worker, copy = Sweep.open(folder), this_worker(), tmp_path / "copy"
    with SignOfLife(sweep.workers, worker):
        sweep.journal.claim(worker.id, [0])
        shutil.copytree(folder, copy)
        for open_it in (joined, resumed):
            with pytest.raises(RunError, match=f"copy is a copy of {folder}, whose runs {worker.id} is"):
                open_it(copy)
        (tmp_path / "link").symlink_to(folder)
        joined(tmp_path / "link")
    shutil.rmtree(folder)
    joined(copy)
