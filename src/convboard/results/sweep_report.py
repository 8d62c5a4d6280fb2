"""What has come out of a sweep, in the terminal: what has failed, the best settings, and which keys mattered."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from convboard.config.command_line import assignment, command, printable, tensorboard
from convboard.config.objectives import format_metric
from convboard.experiment.console import counted, shown_path
from convboard.results.importance import importance
from convboard.results.metric_text import summary_text
from convboard.results.ranking import is_close, most_seeds, rank
from convboard.results.read_sweep import trial_rows
from convboard.results.setting import Setting, group_settings
from convboard.results.statistics import Summary
from convboard.sweeps.store.journal import State
from convboard.sweeps.store.sweep_folder import LOG, Sweep
from convboard.sweeps.store.trials import setting_of
from convboard.sweeps.terminal.live_view import short_keys

_RANKED = 10  # settings in the table
_WIDEST = 20  # columns for the values of a key, where there is not room for all
_FEWEST = 8  # settings of which it is said which keys mattered
_TOLD = 10  # failed trials that are told one by one


def print_report(sweep: Sweep, console: Console) -> None:
    """Print what has failed, the ranking by the objective, and how to look at the sweep.

    Args:
        sweep: The sweep, just read.
        console: Where to.
    """
    for failure in _failures(sweep):
        console.print(failure)
    groups = [setting for setting in group_settings(trial_rows(sweep), sweep.record.swept) if setting.results]
    settings = rank(groups, sweep.record.is_maximised)
    if settings:
        console.print()
        if len(set(map(setting_of, sweep.trials))) > 1:
            console.print(_ranking(sweep, settings))
            console.print()
        else:
            console.print(_mean(sweep, settings[0]))
        for line in _conclusions(sweep, settings):
            console.print(line)
        best = sweep.trials[_best_trial(settings[0])]
        console.print(f"best:       {printable(shown_path(sweep.run_dir(best.number)))}")
        console.print(f"repeat it:  {printable(best.command)}")
    for line in _how_to_take_further(sweep):
        console.print(line)
    console.print(f"look at it: {printable(tensorboard(shown_path(sweep.folder)))}", style="bold")


def _failures(sweep: Sweep) -> Iterator[Text]:
    """Yield the failed trials, each with the last line of its error, its log, and the command that runs it alone."""
    failed = sweep.journal.failed(range(len(sweep.trials)))
    if failed:
        yield Text()
    for trial in map(sweep.trials.__getitem__, failed[:_TOLD]):
        reason = sweep.journal.entries(trial.number)[-1].reason
        yield Text(f"failed:     #{trial.number} {printable(trial.name)}: {printable(reason)}", "red")
        yield Text(f"            log:   {printable(shown_path(sweep.run_dir(trial.number) / LOG))}")
        yield Text(f"            alone: {printable(trial.command)}")
    if more := failed[_TOLD:]:
        yield Text(f"failed too: {', '.join(f'#{number}' for number in more)}", "red")


def _how_to_take_further(sweep: Sweep) -> Iterator[str]:
    """Yield the commands for trials that have failed or were pruned."""
    resume = assignment("sweep.resume", shown_path(sweep.folder))
    numbers = range(len(sweep.trials))
    if sweep.journal.failed(numbers):
        yield f"try again:  {printable(command('train', '-m', resume))}"
    if pruned := sweep.journal.in_state(State.PRUNED, numbers):
        listed = ",".join(map(str, pruned[:_TOLD]))
        yield f"go further: {printable(command('train', '-m', resume, f'sweep.promote={listed}'))}"


def _best_trial(setting: Setting) -> int:
    number = setting.results[0].number
    assert number is not None
    return number


def _mean(sweep: Sweep, setting: Setting) -> str:
    """Return the result of a sweep over seeds alone."""
    objective, tested = sweep.record.objective, _tested(sweep.record.objective)
    over = f" (mean over {len(setting.results)} seeds)" if len(setting.results) > 1 else ""
    test = "" if tested == objective else f", {tested} {_mean_text(tested, setting.test)}"
    return f"result:     {objective} {summary_text(objective, setting.objective)}{test}{over}"


def _mean_text(metric: str, summary: Summary | None) -> str:
    return "" if summary is None else format_metric(metric, summary.mean)


def _tested(objective: str) -> str:
    """Return the metric on the test split that goes with an objective."""
    return objective.partition("/")[0] + "/test"


def _ranking(sweep: Sweep, settings: Sequence[Setting]) -> Table:
    """Return the table of the best settings."""
    objective, tested = sweep.record.objective, _tested(sweep.record.objective)
    keys = short_keys(list(settings[0].values))
    most = most_seeds(settings)
    columns = {"seeds": most > 1, tested: tested != objective, "pruned after": any(each.pruned for each in settings)}
    shown = [title for title, is_shown in columns.items() if is_shown]
    more = len(settings) - _RANKED
    title = f"the best {_RANKED} of {counted(len(settings), 'setting')}" if more > 0 else "ranking"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.show_edge, table.padding = False, (0, 1, 0, 0)
    table.add_column("", min_width=len(str(_RANKED)))
    for key, short in keys.items():
        longest = max(len(setting.text(key)) for setting in settings[:_RANKED])
        table.add_column(short, min_width=min(max(longest, len(short)), _WIDEST), overflow="ellipsis", no_wrap=True)
    for column in (objective, *shown, "trial" if all(len(each.results) == 1 for each in settings) else "best trial"):
        table.add_column(column, justify="right", no_wrap=column == objective)
    for place, setting in enumerate(settings[:_RANKED], 1):
        cells = {
            "seeds": str(most) if len(setting.finished) == most else f"{len(setting.finished)} of {most}",
            tested: _mean_text(tested, setting.test),
            "pruned after": ", ".join(dict.fromkeys(f"epoch {row.epochs or 0}" for row in setting.pruned)),
        }
        table.add_row(
            str(place),
            *(Text(printable(setting.text(key))) for key in keys),
            summary_text(objective, setting.objective),
            *(cells[column] for column in shown),
            str(_best_trial(setting)),  # what sweep.promote= takes
            style="bold green" if place == 1 else "" if setting.finished else "dim",
        )
    return table


def _conclusions(sweep: Sweep, settings: Sequence[Setting]) -> Iterator[str]:
    """Yield which keys mattered, and whether the seeds leave it open which setting is the best."""
    short = short_keys(list(settings[0].values))
    shares = importance(settings) if len(settings) >= _FEWEST else {}
    if len(shares) > 1:
        texts = [f"{short.get(key, key)} {share:.0%}" for key, share in shares.items()]
        yield f"mattered:   {', '.join(texts)}   (share of the variance between settings)"
    close = sum(is_close(settings[0], other) for other in settings[1:])
    if close:
        is_search = sweep.record.options.get("search", "grid") != "grid"  # to which no seeds can be added
        advice = "" if is_search else ": more seeds would tell them apart"
        verb = "is" if close == 1 else "are"
        yield (f"note:       {counted(close, 'setting')} {verb} less than two standard errors behind the best{advice}")
