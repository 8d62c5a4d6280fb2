"""The best setting of a folder of runs: `python scripts/runs.py best outputs/sweeps/SWEEP`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from convboard.cli.runs.more_seeds import more_seeds
from convboard.cli.runs.samples import Sample
from convboard.cli.runs.selection import load
from convboard.cli.runs.text_table import one_line, text_lines
from convboard.config.command_line import printable, tensorboard
from convboard.config.objectives import format_metric, sign_of
from convboard.errors import RunError
from convboard.experiment.console import counted, shown_path
from convboard.experiment.run_files import CHECKPOINTS
from convboard.results.compare import compare_runs
from convboard.results.ranking import is_close
from convboard.results.run_row import SEED, RunRow
from convboard.results.setting import Setting
from convboard.results.table import RunTable
from convboard.results.task import Task, task_of, tasks_of


@dataclass
class Arguments:
    """Show the best setting, its runs, the command that repeats the best one, and the checkpoint to use.

    The best setting has the best mean of the objective over its seeds, among those of which as many seeds have finished
    as of any other. Results on several data sets, or by several objectives, are not compared: each has a best setting.

    Attributes:
        where: A condition on the runs, such as 'model=lenet and optimizer.lr<0.1'; null: all runs.
    """

    where: str | None = None


def main(paths: list[str], arguments: Arguments) -> None:
    """Print the best setting of each data set and objective."""
    table = load(paths, arguments.where)
    tasks = tasks_of(table)
    if not tasks:
        states = ", ".join(f"{number:,} {state}" for state, number in Counter(str(row.state) for row in table).items())
        raise RunError(f"No run has a result yet: {states}.")
    rows: dict[Task, list[RunRow]] = {task: [] for task in tasks}
    for row in table:
        rows.get(task_of(row), []).append(row)
    print("\n\n".join("\n".join(_best(RunTable(part), task.name(tasks))) for task, part in rows.items()))


def _best(table: RunTable, task: str) -> Iterator[str]:
    """Yield what is said of the best setting.

    Args:
        table: The runs, which can be compared.
        task: In what they differ from others that are not compared with them; see `Task.name`.
    """
    settings = table.ranking()
    best = settings[0]
    of = " ".join(part for part in (counted(len(settings), "setting"), task) if part)
    yield printable(f"the best of {of}: {Sample.of(best.results, table).name}\n")
    figures = _figures(table, best)
    yield from text_lines(figures, right=[head for head in figures if head])
    yield ""
    yield from text_lines(_runs(table, best), right=("seed", table.objective, table.tested))
    yield ""
    run = best.results[0]
    checkpoint = run.path / CHECKPOINTS / "best.safetensors"
    missing = "" if checkpoint.exists() else "   (it is not there any more)"
    yield f"repeat it:  {printable(run.command)}"
    yield f"checkpoint: {printable(shown_path(checkpoint))}{missing}"
    yield f"look at it: {printable(tensorboard(shown_path(run.path)))}"
    yield from _chance(table, settings)


def _figures(table: RunTable, best: Setting) -> dict[str, list[str]]:
    """Return the columns of the means of the best setting."""
    summaries = {tag: found for tag, found in ((table.objective, best.objective), (table.tested, best.test)) if found}
    columns = {"": list(summaries), "mean": [format_metric(tag, found.mean) for tag, found in summaries.items()]}
    if any(found.deviation is not None for found in summaries.values()):
        pairs = [(tag, found.deviation or 0.0, found.interval or 0.0) for tag, found in summaries.items()]
        columns["standard deviation"] = [format_metric(tag, deviation) for tag, deviation, _ in pairs]
        columns["95 % interval of the mean"] = [f"± {format_metric(tag, interval)}" for tag, _, interval in pairs]
    return columns


def _runs(table: RunTable, best: Setting) -> dict[str, list[str]]:
    """Return the columns of the runs of the best setting, the best one first."""
    columns = {
        "run": [one_line(row.address) for row in best.rows],
        "seed": [str(row.config.get(SEED, "")) for row in best.rows],
        "state": [str(row.state) for row in best.rows],
    }
    for tag in dict.fromkeys((table.objective, table.tested)):
        columns[tag] = [format_metric(tag, row.metrics[tag]) if tag in row.metrics else "" for row in best.rows]
    return columns


def _chance(table: RunTable, settings: Sequence[Setting]) -> Iterator[str]:
    """Yield whether the best setting is better than others by more than chance."""
    best, *others = (setting for setting in settings if setting.objective is not None)
    if others:
        second = Sample.of(others[0].results, table).name
        yield printable(f"\nthe second: {second}")
        compared = compare_runs(others[0].rows, best.rows)
        yield f"            {compared.sentence('the second', 'the best')}"
        if advice := more_seeds(others[0].rows, best.rows, compared):
            yield f"more seeds: {printable(advice)}"
    if close := sum(is_close(best, other) for other in others[1:]):
        settings_are = "another setting is" if close == 1 else f"{close:,} more settings are"
        yield f"note:       {settings_are} less than two standard errors behind the best"
    sign = sign_of(table.objective)
    for other in others:
        if best.objective and other.objective and sign * (other.objective.mean - best.objective.mean) > 0:
            name, seeds = Sample.of(other.results, table).name, counted(len(other.finished), "finished run")
            yield printable(f"note:       {name} has a better mean, but only {seeds}")
            break
