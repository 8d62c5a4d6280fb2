"""Two settings compared, and whether the difference is more than chance: `python scripts/runs.py compare A B`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from convboard.cli.runs.samples import Sample, refuse_common_runs, sample_of, samples_where
from convboard.cli.runs.selection import load
from convboard.cli.runs.text_table import text_lines
from convboard.config.command_line import assignment, command, printable
from convboard.errors import ConfigError, RunError
from convboard.experiment.console import shown_path
from convboard.results.compare import Comparison, compare_runs
from convboard.results.diff import diff
from convboard.results.metric_text import summary_text
from convboard.results.run_row import SEED
from convboard.results.table import RunTable
from convboard.sweeps.store.sweep_record import read_record

_MORE = 2  # seeds that are advised at least
_MOST = 20  # seeds that are advised at most


@dataclass
class Arguments:
    """Compare two settings, A and B: which is better, by how much, and whether that is more than chance.

    Give two runs or folders. A run of a sweep stands for its setting, with all its seeds. Or give one folder and two
    conditions, such as a=model=lenet b=model=resnet18. Without conditions, the best two settings of the folder are
    compared. Two runs are a pair if they have the same seed, and agree in all else that differs within A or within B.

    Attributes:
        a: A condition on the runs of the folder, such as 'optimizer.lr=0.1 and model=lenet', which is true for those of
            A; null: A is a path.
        b: The same for B.
        metric: The metric, such as loss/test; null: the objective and its metric on the test split.
    """

    a: str | None = None
    b: str | None = None
    metric: str | None = None

    def __post_init__(self) -> None:
        if (self.a is None) != (self.b is None):
            raise ConfigError("Give both a= and b=, or none of them.")


def main(paths: list[str], arguments: Arguments) -> None:
    """Print the comparison."""
    first, second = _samples(paths, arguments)
    refuse_common_runs(first, second)
    rows = RunTable([*first.rows, *second.rows])
    metrics = [arguments.metric] if arguments.metric else list(dict.fromkeys((rows.objective, rows.tested)))
    compared = {metric: compare_runs(first.rows, second.rows, metric) for metric in metrics}
    print(f"A: {first.name}\nB: {second.name}\n")
    columns = {
        "": metrics,
        "A": [summary_text(metric, one.first) for metric, one in compared.items()],
        "B": [summary_text(metric, one.second) for metric, one in compared.items()],
    }
    print(*text_lines(columns), "", sep="\n")
    for metric, one in compared.items():
        print(f"{metric}: {one.words}")
    for line in _notes(first, second, next(iter(compared.values()))):
        print(line)


def _samples(paths: Sequence[str], arguments: Arguments) -> tuple[Sample, Sample]:
    """Return A and B."""
    if arguments.a is not None and arguments.b is not None:
        return samples_where(load(paths, None), arguments.a, arguments.b)
    if len(paths) == 2:
        return sample_of(paths[0]), sample_of(paths[1])
    if len(paths) > 2:
        raise ConfigError(f"{len(paths)} folders are given: give two to compare, or one with a= and b=.")
    table = load(paths, None)
    settings = [one for one in table.ranking() if one.objective is not None]
    if len(settings) < 2:
        raise RunError("There are no two settings with a result to compare.")
    best, second = (Sample.of(list(setting.rows), table) for setting in settings[:2])
    return second, best


def _notes(first: Sample, second: Sample, one: Comparison) -> Iterator[str]:
    """Yield what the numbers mean, in what else A and B differ, and how to be surer."""
    if one.difference is not None:
        test = "paired t test" if one.paired_by else "Welch's t test"
        means = "the standard deviation in the table, and half the 95 % interval of the difference in the sentences"
        yield f"± is {means} ({test})."
    differing = [each for each in diff(first.rows, second.rows).get("config", ()) if each.name != SEED]
    if differing:
        texts = [f"{each.name} ({each.first or '-'} vs. {each.second or '-'})" for each in differing]
        yield printable(f"A and B differ in {', '.join(texts)}.")
    if one.gain and not one.is_significant and (advice := _more_seeds(first, second, one)):
        yield advice


def _more_seeds(first: Sample, second: Sample, one: Comparison) -> str:
    """Return the command that trains more seeds; empty where no single command does."""
    sweeps = {row.sweep for row in (*first.rows, *second.rows)}
    folder = next(iter(sweeps))
    if len(sweeps) > 1 or folder is None or read_record(folder).options.get("search", "grid") != "grid":
        return ""
    used = [row.config.get(SEED) for row in (*first.rows, *second.rows)]
    latest = max((seed for seed in used if isinstance(seed, int)), default=0)
    wanted = one.needed - one.first.n if one.needed is not None and one.paired_by == (SEED,) else _MORE
    seeds = range(latest + 1, latest + 1 + min(max(wanted, _MORE), _MOST))
    resume = assignment("sweep.resume", shown_path(folder))
    return f"more seeds: {printable(command('train', '-m', resume, 'seed=' + ','.join(map(str, seeds))))}"
