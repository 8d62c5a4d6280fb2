"""A sweep whose hopeless trials are pruned, and taken further later as if they had never been."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import STATUS_SUCCESS

from convboard.sweeps.store.entries import State
from convboard.sweeps.store.sweep_folder import Sweep
from interrupted import CONFIG, assert_same, hparams_records, scalars

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
SWEEP = ("-m", *CONFIG, "trainer.plan=none", "optimizer.lr=0.05,1e-6,2e-6", "sweep.workers=1", "hydra.sweep.dir=sweep")


def states(sweep: Sweep) -> list[State]:
    sweep.refresh()
    return [sweep.journal.state(trial.number) for trial in sweep.trials]


@pytest.mark.thorough
def test_a_pruned_trial_is_a_whole_run_and_taken_further_it_equals_one_that_never_was(
    run_command: RunCommand, tmp_path: Path
) -> None:
    done = run_command("train.py", *SWEEP, "sweep.pruner=asha", "sweep.reduction_factor=2")
    sweep = Sweep.open(tmp_path / "sweep")
    assert states(sweep) == [State.FINISHED, State.PRUNED, State.PRUNED]
    end, run = sweep.journal.entries(1)[-1], sweep.run_dir(1)
    assert re.fullmatch(r"epoch 1: \d+\.\d\d% is not the best of 2 trials", end.reason)
    assert end.epochs == 1
    assert end.reason in done.stdout
    assert end.reason in (run / "log.txt").read_text()
    assert re.search(r"2 +(1|2)e-06 +\d+\.\d+% +\d+\.\d+% +epoch 1", done.stdout)  # after the one that finished
    assert {path.name for path in (run / "checkpoints").iterdir()} >= {"best.safetensors", "last.safetensors"}
    result = json.loads((run / "result.json").read_text())
    assert (result["status"], result["epochs"], result["objective"]) == ("pruned", 1, end.value)
    assert {tag for tag, *_ in scalars(run)} == {tag for tag, *_ in scalars(sweep.run_dir(0))}
    record = hparams_records(run)["_hparams_/session_end_info"]
    assert metadata.parse_session_end_info_plugin_data(record).status == STATUS_SUCCESS

    refused = run_command("train.py", "-m", "sweep.resume=sweep", "sweep.promote=1,0", expected_code=2)
    assert "trial 0 was not pruned. Those that were pruned: 1, 2." in refused.stderr
    further = run_command("train.py", "-m", "sweep.resume=sweep", "sweep.promote=1", "sweep.workers=1")
    assert "3 trials, 1 to run" in further.stdout
    assert states(sweep) == [State.FINISHED, State.FINISHED, State.PRUNED]
    run_command("train.py", *sweep.trials[1].overrides, "hydra.run.dir=alone")
    assert_same(run, tmp_path / "alone")
    whole = json.loads((run / "result.json").read_text())
    assert whole["metrics"] == json.loads((tmp_path / "alone/result.json").read_text())["metrics"]
    assert whole["status"] == "finished"


@pytest.mark.thorough
def test_the_median_rule_prunes_by_the_trials_that_have_finished(run_command: RunCommand, tmp_path: Path) -> None:
    options = ("sweep.pruner=median", "sweep.prune_min_trials=1", "sweep.prune_after=2", "objective=loss/test")
    run_command("train.py", *SWEEP, *options)
    sweep = Sweep.open(tmp_path / "sweep")
    assert states(sweep) == [State.FINISHED, State.PRUNED, State.PRUNED]
    assert re.fullmatch(
        r"epoch 2: the best value \d\.\d{4} is worse than the median \d\.\d{4} of 1 trial",
        sweep.journal.entries(1)[-1].reason,
    )


@pytest.mark.thorough
def test_a_search_spends_no_third_seed_on_a_setting_whose_first_two_are_worse(
    run_command: RunCommand, tmp_path: Path
) -> None:
    searched = ("sweep=random", "sweep.search_seed=1", "sweep.max_trials=6", "optimizer.lr=choice(0.05,1e-9)")
    done = run_command(
        "train.py", *SWEEP[:-3], *searched, *SWEEP[-2:], "sweep.seeds=3", "trainer.max_epochs=1", "seed=4"
    )
    sweep = Sweep.open(tmp_path / "sweep")
    assert [(trial.config["optimizer"]["lr"], trial.config["seed"]) for trial in sweep.trials] == [
        *((0.05, 4), (0.05, 5), (0.05, 6)),
        *((1e-9, 4), (1e-9, 5), (1e-9, 6)),
    ]
    assert states(sweep) == [State.FINISHED] * 5 + [State.PRUNED]
    reason = "2 seeds of this setting are worse than those of the best one, trial 0"
    assert sweep.journal.entries(5)[-1].reason == reason
    assert reason in done.stdout
    assert re.search(r"1 +0\.05 .* 3 .*\n *2 +1e-09 .* 2 of 3 ", done.stdout)


def test_what_cannot_be_pruned_is_told(refused: Callable[..., str]) -> None:
    assert refused("-m", "seed=1,2", "sweep.promote=1").startswith("sweep.promote=1 is for a sweep to go on with")
    told = refused("-m", "seed=1,2", "sweep.pruner=asha", "trainer.max_epochs=1")
    assert told.startswith("sweep.pruner=asha would prune nothing: with trainer.max_epochs=1")
