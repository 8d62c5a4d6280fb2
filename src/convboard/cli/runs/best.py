"""The best setting of a folder of runs: `python scripts/runs.py best outputs/sweeps/SWEEP`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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


@dataclass
class Arguments:
    """Show the best setting, its runs, the command that repeats the best one, and the checkpoint to use.

    The best setting has the best mean of the objective over its seeds, among those of which as many seeds have finished
    as of any other. Runs on several data sets are not compared: each has a best setting of its own.

    Attributes:
        where: A condition on the runs, such as 'model=lenet and optimizer.lr<0.1'; null: all runs.
    """

    where: str | None = None


def main(paths: list[str], arguments: Arguments) -> None:
    """Print the best setting of each data set."""
    tables: dict[tuple[str, str], list[RunRow]] = {}
    for row in load(paths, arguments.where):
        tables.setdefault((str(row.config.get("dataset")), row.objective), []).append(row)
    parts = {key: rows for key, rows in tables.items() if any(row.value is not None for row in rows)}
    if not parts:
        raise RunError("No run has a result yet.")
    blocks = ["\n".join(_best(RunTable(rows), dataset, len(parts) > 1)) for (dataset, _), rows in parts.items()]
    print("\n\n".join(blocks))


def _best(table: RunTable, dataset: str, is_one_of_several: bool) -> Iterator[str]:
    """Yield what is said of the best setting."""
    settings = table.ranking()
    best = settings[0]
    on = f" on {dataset}" if is_one_of_several else ""
    yield printable(f"the best of {counted(len(settings), 'setting')}{on}: {Sample.of(best.results, table).name}\n")
    yield from text_lines(_figures(table, best))
    yield ""
    yield from text_lines(_runs(table, best), right=(table.objective, table.tested))
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
        yield f"            {compare_runs(others[0].rows, best.rows).sentence('the second', 'the best')}"
    if close := sum(is_close(best, other) for other in others[1:]):
        settings_are = "another setting is" if close == 1 else f"{close:,} more settings are"
        yield f"note:       {settings_are} less than two standard errors behind the best"
    sign = sign_of(table.objective)
    for other in others:
        if best.objective and other.objective and sign * (other.objective.mean - best.objective.mean) > 0:
            name, seeds = Sample.of(other.results, table).name, counted(len(other.finished), "finished run")
            yield printable(f"note:       {name} has a better mean, but only {seeds}")
            break
