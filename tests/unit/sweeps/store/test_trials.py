"""The trials of a sweep: added once, numbered without gaps, and never changed."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from convboard.errors import RunError
from convboard.sweeps.store.trials import Trial, Trials, folder_name, repetitions, setting_of


def trial(seed: int) -> Trial:
    return Trial(0, (f"seed={seed}",), {"seed": str(seed)}, f"seed={seed}", {"seed": seed})


def test_trials_are_numbered_in_the_order_in_which_they_are_added(tmp_path: Path) -> None:
    trials = Trials(tmp_path)
    assert [added.number for added in trials.add([trial(1), trial(2)])] == [0, 1]
    assert [added.number for added in trials.add([trial(3)])] == [2]
    again = Trials(tmp_path)
    again.refresh()
    assert list(again) == list(trials) == [replace(trial(seed), number=seed - 1) for seed in (1, 2, 3)]


def test_what_the_sweep_has_already_is_not_added_again(tmp_path: Path) -> None:
    trials = Trials(tmp_path)
    assert len(trials.add([trial(1), trial(1), trial(2)])) == 2
    assert [added.swept for added in trials.add([trial(2), trial(3)])] == [{"seed": "3"}]
    assert trials.add([trial(1)]) == []
    assert len(list(tmp_path.iterdir())) == 2


def test_two_processes_that_add_at_the_same_time_give_no_number_twice(tmp_path: Path) -> None:
    first, second = Trials(tmp_path), Trials(tmp_path)
    first.refresh()
    second.refresh()
    first.add([trial(1), trial(2)])
    assert [added.number for added in second.add([trial(2), trial(3)])] == [2]
    first.refresh()
    assert list(first) == list(second)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"number": 0}', "[" * 100_000, b"\xff", '{"number": 3, "overrides": [], "swept": {}}']
)
def test_a_damaged_block_is_told(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "00000.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RunError, match=r"00000.jsonl (cannot be read|is empty)"):
        Trials(tmp_path).refresh()


@pytest.mark.parametrize("folder", ["", ".", "..", "../elsewhere", "/tmp"])
def test_no_trial_is_run_outside_of_its_sweep(tmp_path: Path, folder: str) -> None:
    Trials(tmp_path).add([replace(trial(1), folder=folder)])
    with pytest.raises(RunError, match="is no name of a folder"):
        Trials(tmp_path).refresh()


def test_a_trial_is_named_by_what_sets_it_apart() -> None:
    assert folder_name({"model": "lenet", "optimizer.lr": "0.1"}) == "model=lenet,optimizer.lr=0.1"
    assert folder_name({}) == "defaults"
    assert folder_name({"data_dir": "'a b'"}) != folder_name({"data_dir": "'a/b'"})
    assert len(folder_name({"data_dir": "ü" * 300}).encode()) < 200
    assert trial(2).name == "seed=2"
    assert replace(trial(2), swept={}, number=7).name == "defaults"


def test_the_command_of_a_trial_has_the_folder_of_options_as_it_was_given() -> None:
    given = ("hydra.searchpath=['file:///my options']", "seed=1", "hydra.searchpath=[file://options]")
    command = shlex.split(replace(trial(2), overrides=given).command)
    assert command[-3:] == ["--config-dir=/my options", *given[1:]]


def test_texts_that_differ_in_case_have_folders_that_differ_where_case_does_not_count(tmp_path: Path) -> None:
    def named(name: str) -> Trial:
        return Trial(0, (), {"name": name}, f"name={name}", {"name": name})

    trials = Trials(tmp_path)
    trials.add([named("a"), named("A")])
    trials.add([named("b"), named("B")])
    folders = [added.folder for added in trials]
    assert folders[::2] == ["name=a", "name=b"]
    assert len({folder.casefold() for folder in folders}) == 4
    again = Trials(tmp_path)
    again.refresh()
    assert [added.folder for added in again] == folders


def test_the_order_of_its_keys_makes_no_other_setting() -> None:
    first = Trial(0, (), {"a": "1", "b": "2", "seed": "1"}, "x", {})
    other = Trial(1, (), {"b": "2", "a": "1", "seed": "2"}, "y", {})
    assert setting_of(first) == setting_of(other) != setting_of(trial(1))


def test_equal_parts_of_configs_are_in_memory_once_and_no_others(tmp_path: Path) -> None:
    rates: list[object] = [0.0, -0.0, 0, False, "0", None, 0.0]
    configs = [{"optimizer": {"lr": rate}, "trainer": {"max_epochs": 3}, "seed": rate} for rate in rates]
    Trials(tmp_path).add_block([Trial(0, (), {"n": str(n)}, str(n), config) for n, config in enumerate(configs)])
    trials = Trials(tmp_path)
    trials.refresh()
    assert [repr(trial.config) for trial in trials] == list(map(repr, configs))
    assert len({id(trial.config["trainer"]) for trial in trials}) == 1
    assert len({id(trial.config["optimizer"]) for trial in trials}) == len(rates) - 1


def test_repetitions_differ_in_the_seed_alone(tmp_path: Path) -> None:
    swept = [{"lr": lr, "seed": seed} for lr in ("1", "11", '"1') for seed in ("5", "6")]
    trials = Trials(tmp_path)
    trials.add([Trial(0, (), each, str(number), {"n": number}) for number, each in enumerate(swept)])
    trials.add([Trial(0, (), {"seed": "7", "lr": "1"}, "6", {"lr": "11"})])
    found = [repetitions(tmp_path, trial) for trial in trials]
    assert found == [[1, 6], [0, 6], [3], [2], [5], [4], [0, 1]]
    of_settings = [[other.number for other in trials if setting_of(other) == setting_of(trial)] for trial in trials]
    assert [sorted([*found[number], number]) for number in range(7)] == of_settings
