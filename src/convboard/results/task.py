"""Tasks: results on different data sets, or by different objectives, cannot be compared."""

import shlex
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from convboard.errors import RunError
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
        """Return in what this task differs from others, for people: `digits by loss/val`."""
        data = f"{self.dataset} {self.folder}".strip()
        datasets = {(other.dataset, other.folder) for other in others}
        by = f"by {self.objective}" if len({other.objective for other in others}) > 1 else ""
        return " ".join(part for part in (data if len(datasets) > 1 else "", by) if part)

    def condition(self, others: Sequence["Task"]) -> str:
        """Return the condition that holds for the runs of this task and not for those of the others."""
        values = {"dataset": self.dataset, "dataset.path": self.folder, "objective": self.objective}
        differing = {
            "dataset": {other.dataset for other in others},
            "dataset.path": {other.folder for other in others if other.dataset == self.dataset},
            "objective": {other.objective for other in others},
        }
        return " and ".join(f"{key}={_quoted(values[key])}" for key, seen in differing.items() if len(seen) > 1)


def task_of(row: RunRow) -> Task:
    """Return the task of a run."""
    return Task(str(row.config.get("dataset", "")), str(row.config.get("dataset.path") or ""), row.objective)


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
    if len(tasks) < 2:
        return
    seen = list(tasks)
    conditions = [f"  {shlex.quote(f'where={task.condition(seen)}')}" for task in seen[:_TOLD]]
    more = [f"  and {len(seen) - _TOLD} more"] if len(seen) > _TOLD else []
    what = [
        *(["data sets"] if len({(task.dataset, task.folder) for task in seen}) > 1 else []),
        *(["objectives"] if len({task.objective for task in seen}) > 1 else []),
    ]
    raise RunError(
        f"These runs have several {' and '.join(what)}, whose results cannot be compared. Choose one:\n"
        + "\n".join([*conditions, *more])
    )


def _quoted(text: str) -> str:
    """Return a text as a condition needs it: in quotes unless it is a word, or words joined by slashes."""
    return text if all(part.isidentifier() for part in text.split("/")) else repr(text)
