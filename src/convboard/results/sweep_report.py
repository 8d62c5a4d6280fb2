"""What has come out of a sweep, in the terminal: what has failed, the best settings, and which keys mattered."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from convboard.config.command_line import assignment, command, printable, tensorboard
from convboard.config.objectives import format_metric, test_metric
from convboard.experiment.console import counted, shown_path
from convboard.results.importance import VARIANCE, importance, importance_method
from convboard.results.metric_text import summary_text
from convboard.results.ranking import is_close, rank
from convboard.results.ranking_table import best_trial, ranking_table
from convboard.results.read_sweep import trial_rows
from convboard.results.setting import Setting, group_settings
from convboard.results.task import Task
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.sweep_folder import LOG, Sweep
from convboard.sweeps.store.trials import setting_of
from convboard.sweeps.terminal.live_view import short_keys

_FEWEST = 8  # settings of which it is said which keys mattered
_TOLD = 10  # failed trials that are told one by one


def print_report(sweep: Sweep, console: Console) -> None:
    """Print what has failed, the ranking by the objective for each data set, and how to look at the sweep.

    Args:
        sweep: The sweep, just read.
        console: Where to.
    """
    for failure in _failures(sweep):
        console.print(failure)
    groups = [setting for setting in group_settings(trial_rows(sweep), sweep.record.swept) if setting.results]
    tasks: dict[Task, list[Setting]] = {}
    for setting in rank(groups):
        tasks.setdefault(setting.task, []).append(setting)
    for task, settings in tasks.items():
        console.print()
        _print_ranking(sweep, settings, task.name(tasks), console)
    for line in _how_to_take_further(sweep):
        console.print(line)
    console.print(f"look at it: {printable(tensorboard(shown_path(sweep.folder)))}", style="bold")


def _print_ranking(sweep: Sweep, settings: Sequence[Setting], on: str, console: Console) -> None:
    """Print the ranking of settings, what follows from it, and the best run.

    Args:
        sweep: The sweep.
        settings: Its settings, or of a sweep over several data sets those of one, the best first.
        on: The data set, as in `on digits`, if there are several.
        console: Where to.
    """
    if len(set(map(setting_of, sweep.trials))) > 1:
        keys = [key for key in settings[0].values if not on or len({each.text(key) for each in settings}) > 1]
        console.print(ranking_table(settings, keys, on, console))
        console.print()
    else:
        console.print(_mean(settings[0]))
    for line in _conclusions(sweep, settings):
        console.print(line)
    best = sweep.trials[best_trial(settings[0])]
    console.print(f"best:       {printable(shown_path(sweep.run_dir(best.number)))}")
    console.print(f"repeat it:  {printable(best.command)}")


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


def _mean(setting: Setting) -> str:
    """Return the result of a sweep over seeds alone."""
    objective = setting.task.objective
    tested = test_metric(objective)
    over = f" (mean over {len(setting.results)} seeds)" if len(setting.results) > 1 else ""
    test = ""
    if setting.test is not None and tested != objective:
        test = f", {tested} {format_metric(tested, setting.test.mean)}"
    return f"result:     {objective} {summary_text(objective, setting.objective)}{test}{over}"


def _conclusions(sweep: Sweep, settings: Sequence[Setting]) -> Iterator[str]:
    """Yield which keys mattered, and whether the seeds leave it open which setting is the best."""
    short = short_keys(list(settings[0].values))
    shares = importance(settings) if len(settings) >= _FEWEST else {}
    if len(shares) > 1:
        texts = [f"{short.get(key, key)} {share:.0%}" for key, share in shares.items()]
        method = importance_method(settings)
        by = "" if method == VARIANCE else f", by {method}"
        yield f"mattered:   {', '.join(texts)}   (share of the variance between settings{by})"
    close = sum(is_close(settings[0], other) for other in settings[1:])
    if close:
        is_search = sweep.record.options.get("search", "grid") != "grid"  # to which no seeds can be added
        advice = "" if is_search else ": more seeds would tell them apart"
        verb = "is" if close == 1 else "are"
        yield (f"note:       {counted(close, 'setting')} {verb} less than two standard errors behind the best{advice}")
