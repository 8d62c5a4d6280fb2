"""The ranking of the settings of a sweep as a table in the terminal."""

from collections.abc import Mapping, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from convboard.config.command_line import printable
from convboard.config.objectives import format_metric, test_metric
from convboard.experiment.console import counted
from convboard.results.metric_text import summary_text
from convboard.results.ranking import most_seeds
from convboard.results.setting import Setting
from convboard.sweeps.terminal.live_view import short_keys

RANKED = 10  # settings in the table
_WIDEST = 20  # columns for the values of a key, where there is not room for all
_GAP = 2  # columns between two
_PRUNED, _SEEDS = "pruned after", "seeds"


def ranking_table(settings: Sequence[Setting], keys: Sequence[str], on: str, console: Console) -> Table:
    """Return the table of the best settings.

    Args:
        settings: The settings, the best one first.
        keys: The keys whose values are shown.
        on: The data set, as in `on digits`, if there are several.
        console: Where it will be printed. In a narrow terminal the least important columns are left out.
    """
    more, on = len(settings) - RANKED, f" {printable(on)}" if on else ""
    title = f"the best {RANKED} of {counted(len(settings), 'setting')}{on}" if more > 0 else f"ranking{on}"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.show_edge, table.padding = False, (0, 1, 0, 0)
    heads, shown = short_keys(keys), settings[:RANKED]
    values = {heads[key]: [printable(setting.text(key)) for setting in shown] for key in keys}
    figures = _figures(settings)
    widths = {head: _width(head, cells) for head, cells in (values | figures).items()}
    least = {head: min(width, _WIDEST) if head in values else width for head, width in widths.items()}
    if console.is_terminal:
        _fit(figures, least, console.width)
    else:  # a file or a pipe has room for everything
        table.width, least = _total(widths), widths
    table.add_column("", min_width=len(str(RANKED)))
    for head in values:
        table.add_column(head, min_width=least[head], overflow="ellipsis", no_wrap=True)
    for head in figures:
        table.add_column(head, min_width=least[head], justify="right", no_wrap=True)
    for place, setting in enumerate(shown):
        cells = [Text(column[place]) for column in (values | figures).values()]
        style = "bold green" if place == 0 else "" if setting.finished else "dim"
        table.add_row(str(place + 1), *cells, style=style)
    return table


def best_trial(setting: Setting) -> int:
    """Return the number of the best trial of a setting with a result, which is the first one."""
    number = setting.results[0].number
    assert number is not None
    return number


def _figures(settings: Sequence[Setting]) -> dict[str, list[str]]:
    """Return the columns of results of the best settings, by their heads."""
    objective, most, shown = settings[0].task.objective, most_seeds(settings), settings[:RANKED]
    tested = test_metric(objective)
    columns = {objective: [summary_text(objective, setting.objective) for setting in shown]}
    if most > 1:
        seeds = [len(setting.finished) for setting in shown]
        columns[_SEEDS] = [str(most) if number == most else f"{number} of {most}" for number in seeds]
    if tested != objective:
        columns[tested] = ["" if each.test is None else format_metric(tested, each.test.mean) for each in shown]
    if any(setting.pruned for setting in settings):
        epochs = [dict.fromkeys(f"epoch {row.epochs or 0}" for row in setting.pruned) for setting in shown]
        columns[_PRUNED] = list(map(", ".join, epochs))
    trial = "trial" if all(len(setting.results) == 1 for setting in settings) else "best trial"
    return columns | {trial: [str(best_trial(setting)) for setting in shown]}  # what sweep.promote= takes


def _fit(figures: dict[str, list[str]], least: Mapping[str, int], room: int) -> None:
    """Leave out columns of results where there is no room for all; never the objective."""
    others, shown = list(figures)[1:], dict(least)
    for head in (_PRUNED, *(head for head in others if "/" in head), _SEEDS, *others[-1:]):
        if head in figures and _total(shown) > room:
            del figures[head], shown[head]


def _width(head: str, cells: Sequence[str]) -> int:
    return max(cell_len(head), *map(cell_len, cells))


def _total(widths: Mapping[str, int]) -> int:
    """Return the width of a table with columns of these widths, and one for the place."""
    return len(str(RANKED)) + sum(width + _GAP for width in widths.values())
