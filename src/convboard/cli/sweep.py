"""`train -m`: a sweep, whose trials a pool of processes runs side by side."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from convboard.cli.arguments import read_arguments
from convboard.cli.frame import JobError, RunEnded
from convboard.config.command_line import assignment, command, printable, tensorboard
from convboard.config.compose import run_id
from convboard.config.value_checks import between
from convboard.errors import ConfigError, RunError
from convboard.experiment.run_dir import RESULT
from convboard.experiment.stored_json import read_result
from convboard.sweeps.journal import State
from convboard.sweeps.live_view import LiveView, format_value
from convboard.sweeps.liveness import this_worker
from convboard.sweeps.new_sweep import create_sweep, new_trials
from convboard.sweeps.pool import Pool, Slot
from convboard.sweeps.ranking import SEED, RankedSetting, Result, importance, rank
from convboard.sweeps.sweep_folder import LOG, Sweep
from convboard.training import signals
from convboard.training.execution_plan.other_load import usable_cores

_TARGET = "convboard.cli.trial:run_trial"
_RANKED = 10  # settings in the table at the end


@dataclass
class SweepOptions:
    """How a sweep is run.

    Attributes:
        resume: Folder of a sweep to go on with: what has finished is not repeated.
        workers: Number of trials that run at the same time; None: one for each core.
    """

    resume: str | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        between("sweep.workers", self.workers, 1, 1024)


@dataclass
class _Arguments:
    sweep: SweepOptions = field(default_factory=SweepOptions)


def run_sweep(arguments: Sequence[str]) -> None:
    """Run a sweep, or go on with one.

    Args:
        arguments: The arguments of the command line.

    Raises:
        ConfigError: A trial cannot be.
        JobError: Trials have failed.
        RunEnded: A signal stopped it.
    """
    own = [argument for argument in arguments if argument.startswith("sweep.")]
    overrides = [argument for argument in arguments if argument not in own]
    options = read_arguments(_Arguments, "train", own).sweep
    cores = len(usable_cores())
    places = options.workers or cores
    sweep = _opened(options, overrides, max(1, cores // places), arguments)
    console = Console(soft_wrap=True, highlight=False)
    todo = sum(sweep.journal.state(trial.number) is not State.FINISHED for trial in sweep.trials)
    console.print(f"sweep:      {len(sweep.trials):,} trials, {todo:,} to run, {places} at a time")
    console.print(f"folder:     {_shown(sweep.folder)}")
    received = _run(sweep, console, places)
    sweep.refresh()
    if received is not None:
        go_on = command("train", "-m", assignment("sweep.resume", _shown(sweep.folder)))
        error = KeyboardInterrupt(received)
        raise RunEnded(error, f"interrupted; the trials that ran are saved. Go on with the sweep: {go_on}")
    _report(sweep, console)


def _opened(options: SweepOptions, overrides: Sequence[str], threads: int, arguments: Sequence[str]) -> Sweep:
    """Open the sweep to go on with, or create the one that the overrides describe."""
    if options.resume is None:
        folder = Path(next((o.partition("=")[2] for o in overrides if o.startswith("hydra.sweep.dir=")), ""))
        trials = new_trials([o for o in overrides if not o.startswith("hydra.")], threads)
        return create_sweep(folder if folder.name else Path("outputs/sweeps") / run_id(), ["-m", *arguments], trials)
    if overrides:
        raise ConfigError(f"{overrides[0]} cannot be used with sweep.resume=, whose trials have their configs.")
    return Sweep.open(Path(options.resume))


def _run(sweep: Sweep, console: Console, places: int) -> int | None:
    """Run the trials. Returns the number of the signal that stopped it, if one did."""
    with LiveView(console, sweep, places) as view:
        pool = Pool(sweep, this_worker(), [Slot()] * places, _TARGET, view)
        with signals.handling(lambda _: pool.stop(), all_of_them=True):
            pool.run()
        return signals.received()


def _report(sweep: Sweep, console: Console) -> None:
    """Print the ranking, what failed, and how to look at the sweep."""
    settings = rank(_results(sweep), sweep.record.is_maximised)
    if settings:
        console.print()
        console.print(_ranking(sweep, settings))
        shares = [f"{key} {share:.0%}" for key, share in importance(settings).items()]
        if len(shares) > 1:
            console.print(f"mattered:   {', '.join(shares)}   (share of the variance between settings)")
        best = settings[0].results[0].trial
        console.print(f"best:       {_shown(sweep.run_dir(best.number))}")
        console.print(f"repeat it:  {command('train', *best.overrides)}")
    console.print(f"look at it: {tensorboard(_shown(sweep.folder))}", style="bold")
    failed = [trial for trial in sweep.trials if sweep.journal.state(trial.number) is State.FAILED]
    if failed:
        for trial in failed:
            reason = sweep.journal.entries(trial.number)[-1].reason
            console.print(Text(f"failed:     {printable(trial.name)}: {printable(reason)}", "red"))
            console.print(f"            {_shown(sweep.run_dir(trial.number) / LOG)}")
            console.print(f"            {command('train', *trial.overrides)}")
        raise JobError(f"{len(failed)} of {len(sweep.trials)} trials failed.", 1)


def _results(sweep: Sweep) -> list[Result]:
    """Return the results of the trials that finished."""
    tested = sweep.record.objective.partition("/")[0] + "/test"
    results = []
    for trial in sweep.trials:
        if sweep.journal.state(trial.number) is State.FINISHED:
            value = sweep.journal.entries(trial.number)[-1].value
            try:
                metrics = read_result(sweep.run_dir(trial.number) / RESULT)["metrics"]
            except RunError:  # it was moved or damaged since
                continue
            results.append(Result(trial, metrics[sweep.record.objective] if value is None else value, metrics[tested]))
    return results


def _ranking(sweep: Sweep, settings: Sequence[RankedSetting]) -> Table:
    """Return the table of the best settings."""
    objective = sweep.record.objective
    tested = objective.partition("/")[0] + "/test"
    keys = [key for key in sweep.record.swept if key != SEED]
    has_seeds = any(len(setting.results) > 1 for setting in settings)
    more = len(settings) - _RANKED
    table = Table(title=f"the best of {len(settings)} settings" if more > 0 else "ranking", title_justify="left")
    for title in ("", *keys):
        table.add_column(title)
    for title in (objective, *(["seeds"] if has_seeds else []), *([tested] if tested != objective else [])):
        table.add_column(title, justify="right")
    for place, setting in enumerate(settings[:_RANKED], 1):
        value = format_value(objective, setting.mean)
        if setting.deviation is not None:
            value += f" ± {format_value(objective, setting.deviation)}"
        table.add_row(
            str(place),
            *(printable(setting.swept.get(key, "")) for key in keys),
            value,
            *([str(len(setting.results))] if has_seeds else []),
            *([format_value(tested, setting.test)] if tested != objective else []),
        )
    return table


def _shown(path: Path) -> str:
    """Return a path, relative to the current folder if it is below it."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
