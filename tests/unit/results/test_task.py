"""Which results can be compared, and the conditions that choose them."""

import re
import shlex
from collections.abc import Sequence
from typing import Any

import pytest

from convboard.errors import RunError
from convboard.results.run_row import RunRow
from convboard.results.table import RunTable
from convboard.results.task import refuse_several_tasks, task_of, tasks_of
from run_rows import run_row


def conditions(rows: Sequence[RunRow]) -> list[str]:
    """The conditions that a refusal names, as a shell reads them."""
    with pytest.raises(RunError, match="whose results cannot be compared") as refused:
        refuse_several_tasks(rows)
    lines = re.findall(r"^  (.+)$", str(refused.value), re.MULTILINE)
    return [shlex.split(line)[0].removeprefix("where=") for line in lines]


def test_runs_of_one_task_are_accepted() -> None:
    refuse_several_tasks([])
    refuse_several_tasks([run_row(0, 0.5, dataset="mnist"), run_row(1, 0.6, dataset="mnist", batch_size=2)])
    refuse_several_tasks([run_row(0, 0.5, dataset="mnist"), run_row(1, None, dataset="digits")])  # without a result


def test_each_condition_that_is_named_chooses_one_task() -> None:
    pictures = [{"dataset": "image_folder", "dataset__path": path} for path in ("/a b/cats", "/it's/dogs", '/"#1"=')]
    facts: list[dict[str, Any]] = [{"dataset": "digits"}, {"dataset": "digits", "objective": "loss/val"}, *pictures]
    rows = [run_row(number, 0.5, **fact) for number, fact in enumerate(facts)]
    rows += [run_row(10 + number, 0.6, **fact) for number, fact in enumerate(facts)]
    chosen = [[row.number for row in RunTable(rows).where(condition)] for condition in conditions(rows)]
    assert chosen == [[number, 10 + number] for number in range(5)]


def test_conditions_say_no_more_than_what_differs() -> None:
    rows = [run_row(0, 0.5, dataset="mnist"), run_row(1, 0.6, dataset="digits")]
    assert conditions(rows) == ["dataset=mnist", "dataset=digits"]
    rows = [run_row(0, 0.5, dataset="mnist"), run_row(1, 0.6, dataset="mnist", objective="loss/val")]
    assert conditions(rows) == ["objective=accuracy/val", "objective=loss/val"]


def test_the_names_of_tasks() -> None:
    rows = [run_row(0, 0.5, dataset="mnist"), run_row(1, 0.6, dataset="image_folder", dataset__path="/a")]
    tasks = tasks_of(rows)
    assert [task.name(tasks) for task in tasks] == ["on mnist", "on image_folder /a"]
    other = task_of(run_row(2, 0.5, dataset="mnist", objective="loss/val"))
    assert other.name([*tasks, other]) == "on mnist by loss/val"
    assert other.name([other]) == ""
    assert other.name([other, next(iter(tasks))]) == "by loss/val"
