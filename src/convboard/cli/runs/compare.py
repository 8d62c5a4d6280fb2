"""Two settings compared, and whether the difference is more than chance: `python scripts/runs.py compare A B`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from convboard.cli.runs.more_seeds import more_seeds
from convboard.cli.runs.samples import Sample, refuse_common_runs, samples_of, samples_where
from convboard.cli.runs.selection import load
from convboard.cli.runs.text_table import text_lines
from convboard.config.command_line import printable
from convboard.config.objectives import test_metric
from convboard.errors import ConfigError, RunError
from convboard.results.compare import Comparison, compare_runs
from convboard.results.diff import diff
from convboard.results.metric_text import summary_text
from convboard.results.run_row import SEED
from convboard.results.table import RunTable
from convboard.results.task import data_of, data_text


@dataclass
class Arguments:
    """Compare two settings, A and B: which is better, by how much, and whether that is more than chance.

    Give two runs or folders. A run of a sweep stands for its setting, with all its seeds. Or give one folder and two
    conditions, such as a=model=lenet b=model=resnet18. Without conditions, the best two settings of the folder are
    compared. Two runs are a pair if they have the same seed, and agree in all else that differs within A or within B.
    Runs on data sets that only one of them has do not count.

    Attributes:
        a: A condition on the runs of the folder, such as 'optimizer.lr=0.1 and model=lenet', which is true for those of
            A; null: A is a path.
        b: The same for B.
        metric: The metric, such as loss/test; null: the objective and its metric on the test split.
        where: A condition on the runs of A and of B, such as dataset=mnist.
    """

    a: str | None = None
    b: str | None = None
    metric: str | None = None
    where: str | None = None

    def __post_init__(self) -> None:
        if (self.a is None) != (self.b is None):
            raise ConfigError("Give both a= and b=, or none of them.")


def main(paths: list[str], arguments: Arguments) -> None:
    """Print the comparison."""
    first, second = _samples(paths, arguments)
    refuse_common_runs(first, second)
    objectives = RunTable([*first.rows, *second.rows]).objectives
    metrics = dict.fromkeys(tag for objective in objectives for tag in (objective, test_metric(objective)))
    chosen = [arguments.metric] if arguments.metric else list(metrics)
    compared = {metric: compare_runs(first.rows, second.rows, metric) for metric in chosen}
    print(f"A: {first.name}\nB: {second.name}\n")
    columns = {
        "": list(compared),
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
        return samples_where(load(paths, arguments.where), arguments.a, arguments.b)
    if len(paths) == 2:
        return samples_of(paths, arguments.where)
    if len(paths) > 2:
        raise ConfigError(f"{len(paths)} folders are given: give two to compare, or one with a= and b=.")
    table = load(paths, arguments.where)
    if len(table) == 1:
        raise ConfigError("There is one run: give two, or a folder with more.")
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
    data = [{data_of(row): None for row in sample.rows if row.value is not None} for sample in (first, second)]
    if data[0].keys() != data[1].keys():
        common = [data_text(each) for each in data[0] if each in data[1]]
        yield printable(f"Only runs on {' and '.join(common)} count, which both have.")
    differing = diff(first.rows, second.rows).get("config", ())
    texts = [f"{one.name} ({one.first or '-'} vs. {one.second or '-'})" for one in differing if one.name != SEED]
    if texts:
        yield printable(f"A and B differ in {', '.join(texts)}.")
    else:
        yield f"A and B differ in nothing{' but the seed' if differing else ''}."
    if advice := more_seeds(first.rows, second.rows, one):
        yield f"more seeds: {printable(advice)}"
