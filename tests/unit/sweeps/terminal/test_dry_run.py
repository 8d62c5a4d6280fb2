"""What a sweep would run, as a table."""

import io

import pytest
from rich.console import Console

from convboard.sweeps.store.trials import Trial
from convboard.sweeps.terminal.dry_run import report_dry_run


def printed(trials: int, proposed: int = 0) -> list[str]:
    """The table of a sweep over two keys, line by line."""
    out = io.StringIO()
    made = [
        Trial(number, (), {"model": "lenet", "seed": str(number)}, f"model=lenet,seed={number}", {})
        for number in range(trials)
    ]
    report_dry_run(Console(file=out, width=80, soft_wrap=True), made, 2, proposed=proposed)
    return out.getvalue().splitlines()


def test_each_trial_has_its_values() -> None:
    title, first, second, told = printed(2)
    assert title.split() == ["trial", "model", "seed"]
    assert first.split() == ["0", "lenet", "0"]
    assert second.split() == ["1", "lenet", "1"]
    assert told == "would run:  2 trials, 2 at a time; all are checked, and none was started"


def test_a_folder_that_is_not_the_values_is_shown_and_no_name_is_broken_in_a_file() -> None:
    out = io.StringIO()
    path = "a/" * 80
    made = [Trial(0, (), {"data_dir": path}, "data_dir=" + "a_" * 80 + "-123456", {})]
    report_dry_run(Console(file=out, width=80, soft_wrap=True), made, 2)
    title, only, _ = out.getvalue().splitlines()
    assert title.split() == ["trial", "data_dir", "folder"]
    assert only.split() == ["0", path, made[0].folder]


def test_the_examples_of_a_search_have_neither_numbers_nor_folders() -> None:
    out = io.StringIO()
    report_dry_run(Console(file=out, soft_wrap=True), [Trial(0, (), {"lr": "0.1"}, "lr=0.1", {})], 2, searched=30)
    title, only, told = out.getvalue().splitlines()
    assert (title.split(), only.split()) == (["lr"], ["0.1"])
    assert told == (
        "would run:  30 trials of a search, 2 at a time; the combinations above are checked, and none was started"
    )


def test_where_nothing_is_left_there_is_no_table() -> None:
    (told,) = printed(0)
    assert told == "would run:  0 trials, 2 at a time; nothing is left to run, and none was started"


def test_what_a_search_would_propose_is_counted() -> None:
    assert printed(2, 17)[-1] == (
        "would run:  2 trials and 17 that the search would propose, 2 at a time; those above are checked, and none was "
        "started"
    )
    assert printed(0, 17)[-1].startswith(
        "would run:  17 trials that the search would propose, 2 at a time; nothing is left to check,"
    )


@pytest.mark.parametrize("trials", [21, 5000])
def test_of_many_the_first_and_the_last_are_shown(trials: int) -> None:
    lines = printed(trials)
    assert [line.split()[0] for line in lines[9:-1]] == ["8", "9", "...", *(str(trials - left) for left in (3, 2, 1))]
