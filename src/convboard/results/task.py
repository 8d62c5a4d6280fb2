"""Tasks: results on different data sets, or by different objectives, cannot be compared."""

import shlex
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from convboard.errors import RunError
from convboard.experiment.console import shown_path
from convboard.results.run_row import RunRow

_TOLD = 6  # tasks that are told


@dataclass(frozen=True)
class Task:
    """What a run is to do well.

    Attributes:
        dataset: The name of its data set.
        folder: The folder of its pictures; empty if the data set has none.
        objective: The metric by which it is compared.
    """

    dataset: str
    folder: str
    objective: str

    def name(self, others: Collection["Task"]) -> str:
        """Return in what this task differs from others, for people: `on digits by loss/val`; empty if in nothing."""
        is_one = len({(other.dataset, other.folder) for other in others}) == 1
        data = "" if is_one else f"on {data_text((self.dataset, self.folder))}"
        by = f"by {self.objective}" if len({other.objective for other in others}) > 1 else ""
        return " ".join(part for part in (data, by) if part)

    def condition(self, others: Sequence["Task"]) -> str:
        """Return the condition that holds for the runs of this task and not for those of the others."""
        values = {"dataset": self.dataset, "dataset.path": self.folder, "objective": self.objective}
        differing = {
            "dataset": {other.dataset for other in others},
            "dataset.path": {other.folder for other in others if other.dataset == self.dataset},
            "objective": {other.objective for other in others},
        }
        return " and ".join(f"{key}={_quoted(values[key])}" for key, seen in differing.items() if len(seen) > 1)


def data_of(row: RunRow) -> tuple[str, str]:
    """Return the name of the data set of a run, and the folder of its pictures, which is empty if it has none."""
    return str(row.config.get("dataset", "")), str(row.config.get("dataset.path") or "")


def data_text(data: tuple[str, str]) -> str:
    """Return a data set for people: its name, and its folder as seen from the current one."""
    name, folder = data
    return f"{name} {shown_path(Path(folder))}" if folder else name


def task_of(row: RunRow) -> Task:
    """Return the task of a run."""
    return Task(*data_of(row), row.objective)


def tasks_of(rows: Iterable[RunRow]) -> dict[Task, list[RunRow]]:
    """Return the runs that have a result by task, in the order of the first ones."""
    tasks: dict[Task, list[RunRow]] = {}
    for row in rows:
        if row.value is not None:
            tasks.setdefault(task_of(row), []).append(row)
    return tasks


def refuse_several_tasks(rows: Iterable[RunRow]) -> None:
    """Refuse runs whose results cannot be compared.

    Raises:
        RunError: They have several tasks; the message has the conditions that choose one.
    """
    tasks = tasks_of(rows)
    if len(tasks) > 1:
        raise _error(list(tasks))


def refuse_several_data_sets(rows: Iterable[RunRow]) -> None:
    """Refuse runs on several data sets; their objectives may differ.

    Raises:
        RunError: There are several; the message has the conditions that choose one.
    """
    tasks = list(dict.fromkeys(Task(*data_of(row), "") for row in rows))
    if len(tasks) > 1:
        raise _error(tasks)


def _error(tasks: Sequence[Task]) -> RunError:
    conditions = [f"  {shlex.quote(f'where={task.condition(tasks)}')}" for task in tasks[:_TOLD]]
    more = [f"  and {len(tasks) - _TOLD} more"] if len(tasks) > _TOLD else []
    what = ["data sets"] if len({(task.dataset, task.folder) for task in tasks}) > 1 else []
    what += ["objectives"] if len({task.objective for task in tasks}) > 1 else []
    return RunError(
        f"These runs have several {' and '.join(what)}, whose results cannot be compared. Choose one:\n"
        + "\n".join([*conditions, *more])
    )


def _quoted(text: str) -> str:
    """Return a text as a condition needs it: in quotes unless it is a word, or words joined by slashes."""
    return text if all(part.isidentifier() for part in text.split("/")) else repr(text)
