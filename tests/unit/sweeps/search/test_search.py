"""A search: every proposal follows from the files, whoever makes it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from convboard.errors import ConfigError, RunError
from convboard.sweeps.search.history import History
from convboard.sweeps.search.new_search import new_plan
from convboard.sweeps.search.plan import SearchPlan, read_examples, read_plan, refuse_to_change
from convboard.sweeps.search.search import Search, fraction, proposal
from convboard.sweeps.search.space import read_space
from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import SweepRecord
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.sweep_options import SweepOptions
from convboard.sweeps.trial_plans import chosen_keys, with_plans

KEYS = ("optimizer.lr", "batch_size", "model")
SPACE = ["optimizer.lr=tag(log,interval(0.001,0.1))", "batch_size=int(interval(16,64))", "model=lenet,conv_mlp"]


def options(**changes: Any) -> SweepOptions:
    return replace(SweepOptions(search="tpe", search_seed=3, max_trials=13), **changes)


def planned(overrides: Sequence[str]) -> SearchPlan:
    plan = new_plan(options(), overrides)
    assert plan is not None
    return plan


@cache
def default_plan() -> tuple[SearchPlan, list[Trial]]:
    plan = planned(SPACE)
    return plan, list(plan.corners())


def default_record() -> SweepRecord:
    return SweepRecord("train.py -m sweep=tpe", KEYS, "accuracy/val", "abc", {})


def start(folder: Path, plan: SearchPlan | None = None, **changes: Any) -> Sweep:
    """A new sweep by a search."""
    record = replace(default_record(), options=options(**changes).shared())
    search = (plan or default_plan()[0]).to_json()
    return Sweep.create(folder / f"sweep-{len(list(folder.iterdir()))}", record, [], search)


def opened(folder: Path) -> tuple[Sweep, Search]:
    """A sweep and its search as another process sees them."""
    sweep = Sweep.open(folder)
    search = Search.open(sweep)
    assert search is not None
    return sweep, search


def value(trial: Trial) -> float:
    """An objective with a maximum."""
    return float(1 / (1 + abs(trial.config["optimizer"]["lr"] - 0.02) + abs(trial.config["batch_size"] - 40) / 100))


def end(sweep: Sweep, trial: Trial) -> None:
    """Let a trial end, each fifth one by a failure, each seventh one early."""
    state = State.FAILED if trial.number % 5 == 4 else State.PRUNED if trial.number % 7 == 6 else State.FINISHED
    sweep.journal.claim("w", [trial.number])
    sweep.journal.append(trial.number, Entry(state, "w", value=None if state is State.FAILED else value(trial)))


def run(folder: Path, at_a_time: int = 1, stop_after: int = 1000) -> None:
    """Propose trials, and let each end as soon as so many are open."""
    sweep, search = opened(folder)
    waiting = [trial for trial in sweep.trials if sweep.journal.state(trial.number) is State.WAITING]
    for _ in range(stop_after):
        while len(waiting) < at_a_time and search.propose():
            waiting.append(sweep.trials[len(sweep.trials) - 1])
        if not waiting:
            return
        end(sweep, waiting.pop(0))


def swept(folder: Path) -> list[dict[str, str]]:
    return [dict(trial.swept) for trial in Sweep.open(folder).trials]


def replayed(folder: Path) -> Iterator[tuple[Trial, list[Trial]]]:
    """Each proposal of a search, and what is proposed again from what was recorded."""
    sweep = Sweep.open(folder)
    plan = read_plan(folder)
    assert plan is not None
    history = History(tuple(plan.space.dimensions))
    for trial in sweep.trials:
        if trial.outcomes is not None:
            yield trial, proposal(plan, sweep.record, history.after(trial.outcomes))
        history.add(trial)


def test_a_search_that_is_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole, stopped = start(tmp_path).folder, start(tmp_path).folder
    run(whole)
    for _ in range(5):
        run(stopped, stop_after=3)
    assert swept(stopped) == swept(whole)
    assert len({json.dumps(setting) for setting in swept(whole)}) == 13


def test_every_proposal_can_be_made_again_from_the_files(tmp_path: Path) -> None:
    """Also if several workers propose, who know different outcomes."""
    folder = start(tmp_path, max_trials=18).folder
    (first, one), (second, other) = opened(folder), opened(folder)
    for turn in range(16):
        sweep, search = ((first, one), (second, other))[turn % 2]
        assert search.propose()
        last = sweep.trials[len(sweep.trials) - 1]
        if turn % 3 and sweep.journal.claim("w", [last.number]) is not None:
            end(sweep, last)
    run(folder, at_a_time=3)
    proposals = list(replayed(folder))
    assert len(proposals) == 18
    for trial, (again,) in proposals:
        assert replace(again, number=trial.number, outcomes=trial.outcomes) == trial


def test_two_workers_that_propose_at_the_same_time_make_one_proposal(tmp_path: Path) -> None:
    folder = start(tmp_path).folder
    (first, one), (second, other) = opened(folder), opened(folder)
    assert one.propose()
    assert other.propose()
    assert [trial.swept for trial in first.trials] == [trial.swept for trial in second.trials]
    assert other.propose()
    assert len(Sweep.open(folder).trials) == 2


def test_each_setting_has_its_seeds_and_is_judged_by_their_mean(tmp_path: Path) -> None:
    plan = default_plan()[0]
    sweep = start(tmp_path, replace(plan, space=replace(plan.space, seeds=("1", "2", "3"))), max_trials=8)
    assert Search.open(sweep) is not None
    assert sweep.total == 6
    sweep, search = opened(sweep.folder)
    assert search.propose()
    assert [trial.swept["seed"] for trial in sweep.trials] == ["1", "2", "3"]
    assert [trial.config["seed"] for trial in sweep.trials] == [1, 2, 3]
    assert search.propose()
    assert not search.propose()
    history = History(KEYS)
    for trial in sweep.trials:
        history.add(trial)
    for number, result in ((0, 0.5), (1, 0.7), (2, None)):
        sweep.journal.append(number, Entry(State.RUNNING, "w"))
        sweep.journal.append(number, Entry(State.PRUNED if result is None else State.FINISHED, "w", value=result))
    (_, first), (_, second) = history.after(history.changes(sweep.journal, 6)).settings()
    assert first is not None
    assert (first.state, second) == (State.FINISHED, None)
    assert first.value == pytest.approx(0.6)


def test_a_trial_that_is_tried_again_is_open_again(tmp_path: Path) -> None:
    sweep, search = opened(start(tmp_path).folder)
    search.propose()
    history = History(KEYS)
    history.add(sweep.trials[0])
    sweep.journal.append(0, Entry(State.RUNNING, "w"))
    sweep.journal.append(0, Entry(State.FAILED, "w"))
    failed = history.changes(sweep.journal, 1)
    history.learn(failed)
    sweep.retry([0])
    assert (failed, history.changes(sweep.journal, 1)) == ({"0": ["failed", None, None]}, {"0": None})
    assert next(history.after({"0": None}).settings())[1] is None


def test_the_number_of_trials_can_be_raised_while_it_runs(tmp_path: Path) -> None:
    sweep, search = opened(start(tmp_path, max_trials=1).folder)
    assert search.propose()
    assert not search.propose()
    other = Sweep.open(sweep.folder)
    other.revise(lambda record: replace(record, options={**record.options, "max_trials": 2}))
    sweep.refresh()
    assert search.propose()
    assert (sweep.total, search.propose()) == (2, False)


def test_a_space_whose_settings_are_all_tried_ends_the_search(tmp_path: Path) -> None:
    plan = replace(default_plan()[0], space=read_space(["model=lenet,conv_mlp", "batch_size=8,16,32"]))
    for search in ("random", "tpe"):
        folder = start(tmp_path, plan, search=search, max_trials=40).folder
        assert opened(folder)[0].total == 6
        run(folder)
        assert len({json.dumps(setting) for setting in swept(folder)}) == len(swept(folder)) == 6


def test_settings_that_are_not_possible_together_are_passed_over(tmp_path: Path) -> None:
    plan = planned(["loss=cross_entropy,mse", "loss.label_smoothing=0,0.1"])
    folder = start(tmp_path, plan, search="random").folder
    run(folder)
    assert sorted(tuple(setting.values()) for setting in swept(folder)) == [
        *(("cross_entropy", "0"), ("cross_entropy", "0.1"), ("mse", "0"))
    ]
    with pytest.raises(ConfigError, match=r"^trial loss=mse loss.label_smoothing=0.1: "):
        list(plan.corners())


def test_later_changes_of_options_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    option = tmp_path / "conf/optimizer/mine.yaml"
    option.parent.mkdir(parents=True)
    option.write_text("_target_: torch.optim.SGD\nlr: 0.5\n")
    given = ["optimizer=mine,sgd", "batch_size=int(interval(8,64))", "data_dir=here"]
    folder = start(tmp_path, planned(given), search="random", max_trials=8).folder
    option.write_text("_target_: torch.optim.Gone\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run(folder)
    trials = [trial for trial in Sweep.open(folder).trials if trial.swept["optimizer"] == "mine"]
    assert trials
    assert all(trial.config["optimizer"] == {"_target_": "torch.optim.SGD", "lr": 0.5} for trial in trials)
    assert all(trial.config["data_dir"] == str(tmp_path / "here") for trial in trials)


def test_a_value_that_cannot_be_is_told_before_the_start(tmp_path: Path) -> None:
    for given, message in (
        (["batch_size=int(interval(0,8))"], "trial batch_size=0: batch_size=0: must be at least 1."),
        (["objective=loss/val,accuracy/val"], "objective=loss/val,accuracy/val: the trials of a sweep are compared by"),
        (["model=lenett,lenet"], "trial model=lenett: model='lenett' is not known. Did you mean 'lenet'?"),
        (["optimizerr.lr=interval(0,1)"], "trial optimizerr.lr=0.0: optimizerr is not a known key."),
        (["loss.label_smoothing=interval(0.5,1)"], "trial loss.label_smoothing=1.0: loss.label_smoothing=1.0: must b"),
    ):
        with pytest.raises(ConfigError) as raised:
            list(planned(given).corners())
        assert str(raised.value).startswith(message)
    many = ",".join(f"x{number}" for number in range(40))
    with pytest.raises(ConfigError, match=r"^-m: a search composes every choice of options .*, and here are 1,600."):
        new_plan(options(), [f"model={many}", f"dataset={many}"])
    with pytest.raises(ConfigError, match=r"^sweep.max_trials=2: one setting has 3 trials, one for each seed.$"):
        new_plan(options(max_trials=2), [*SPACE, "seed=1,2,3"])


def test_a_proposal_has_the_plan_of_the_nearest_trial_at_the_bounds(tmp_path: Path) -> None:
    """Measured beside its neighbours, its own plan would depend on them."""
    plan, corners = default_plan()

    def choose(trial: Trial) -> dict[str, Any]:
        precision = "bf16" if trial.config["batch_size"] == 64 else "fp32"
        return {"device": "cpu", "channels_last": "LeNet" in trial.config["model"]["_target_"], "precision": precision}

    plan = replace(plan, plans=chosen_keys(corners, with_plans(corners, choose)))
    folder = start(tmp_path, plan, search="random").folder
    assert read_plan(folder) == plan
    run(folder)
    for trial in Sweep.open(folder).trials:
        trainer = trial.config["trainer"]
        assert trainer["channels_last"] == (trial.swept["model"] == "lenet")
        assert f"trainer.channels_last={str(trainer['channels_last']).lower()}" in trial.overrides
    other = plan.trials({"model": "conv_mlp", "optimizer.lr": "0.01", "batch_size": "50"})[0]
    assert (other.config["trainer"]["channels_last"], other.config["trainer"]["plan"]) == (False, "auto")
    unknown = replace(plan, plans={"another kind": {}})
    (other,) = unknown.trials({"model": "lenet", "optimizer.lr": "0.01", "batch_size": "20"})
    assert other.config["trainer"]["plan"] == "default"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_trials": None}, "sweep.max_trials=null: a search needs a number of trials, such as swe"),
        ({"search": "grid"}, "sweep.max_trials=13 belongs to a search: add sweep=random or sweep=tpe. A grid tries"),
        ({"trials": "a.csv"}, "sweep.trials=a.csv cannot be used with sweep=tpe, which chooses the values. Omit one"),
    ],
)
def test_keys_of_a_sweep_that_do_not_go_together(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        new_plan(options(**changes), SPACE)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("search", "overrides", "keys", "message"),
    [
        (
            "tpe",
            ["seed=4"],
            {},
            "seed=4 cannot be used with sweep.resume= of a search, whose values and seeds are",
        ),
        ("tpe", [], {"max_trials": None}, "sweep.max_trials=null: a search needs a number of trials."),
        ("tpe", [], {"max_trials": 1}, "sweep.max_trials=1: the sweep has 2 trials already."),
        ("grid", [], {"max_trials": 5}, "sweep.max_trials=5: {folder} is no search, and has all its trials."),
    ],
)
def test_what_a_command_that_resumes_cannot_change(
    tmp_path: Path, search: str, overrides: list[str], keys: dict[str, Any], message: str
) -> None:
    sweep, running = opened(start(tmp_path).folder)
    assert running.propose()
    assert running.propose()
    sweep.record = replace(sweep.record, options={**sweep.record.options, "search": search})
    with pytest.raises(ConfigError) as raised:
        refuse_to_change(sweep, overrides, keys)
    assert str(raised.value).startswith(message.replace("{folder}", str(sweep.folder)))
    refuse_to_change(sweep, [], {"max_trials": 30} if search == "tpe" else {})


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: plain.clear(),
        lambda plain: plain.update(method="magic"),
        lambda plain: plain["space"].update(dimensions={}),
        lambda plain: plain["space"]["fixed"].append("data_dir=${oc.env:HOME}"),
        lambda plain: plain["bases"][0][1].update(data_dir="${oc.env:HOME}"),
        lambda plain: plain.update(bases=3),
        lambda plain: plain.update(plans={"a kind": {"magic": 3}}),
        lambda plain: plain["bases"].pop(),
        lambda plain: plain["bases"][0][1].pop("optimizer"),
        lambda plain: plain["bases"][0][1].update(optimizer=3),
        lambda plain: plain["space"]["dimensions"]["optimizer.lr"].update(low="a"),
        lambda plain: plain["space"]["dimensions"]["optimizer.lr"].update(low=0),
        lambda plain: plain["space"]["dimensions"]["model"].update(texts=[]),
        lambda plain: plain["space"]["dimensions"]["model"].update(texts=3),
        lambda plain: plain.update(start=[], threads="many"),
    ],
)
def test_a_plan_that_is_damaged_or_calls_resolvers_is_refused(tmp_path: Path, change: object) -> None:
    folder = start(tmp_path).folder
    plain = json.loads((folder / "search.json").read_text())
    assert callable(change)
    change(plain)
    (folder / "search.json").write_text(json.dumps(plain))
    with pytest.raises(RunError, match=r"search.json cannot be read: .*Without it the search cannot go on"):
        read_examples(folder)


def test_what_a_killed_command_has_left_is_not_taken_for_the_own_search(tmp_path: Path) -> None:
    (plan, examples), record = default_plan(), default_record()
    folder = start(tmp_path).folder
    (folder / "sweep.yaml").unlink()
    for trials, search in (([], replace(plan, threads=7).to_json()), (examples, None)):
        with pytest.raises(RunError, match="has the trials of another sweep, whose command was killed"):
            Sweep.create(folder, record, trials, search)
    Sweep.create(folder, record, [], plan.to_json())  # the same one


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    plan = default_plan()[0]
    changed = replace(plan, space=replace(plan.space, seeds=("1", "2"), fixed=("data_dir='a b'",)))
    assert read_plan(start(tmp_path, changed).folder) == changed
    assert read_plan(tmp_path) is None


def test_random_numbers_are_spread_evenly_and_depend_on_every_counter() -> None:
    numbers = [fraction(seed, number, key) for seed in range(10) for number in range(10) for key in "abcdefghij"]
    assert len(set(numbers)) == 1000
    assert all(60 < sum(place / 10 <= number < (place + 1) / 10 for number in numbers) < 140 for place in range(10))
