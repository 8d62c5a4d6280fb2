"""`train -m`: a sweep, whose trials a pool of processes runs side by side."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from convboard.cli import streams
from convboard.cli.cancel_sweep import cancel_sweep
from convboard.cli.frame import JobError, RunEnded
from convboard.cli.open_sweep import open_sweep
from convboard.cli.submit_workers import submit_workers
from convboard.cli.sweep_folder import folder_errors, how_to_go_on
from convboard.cli.watch_sweep import watch_sweep
from convboard.config.command_line import argument_of, command, printable
from convboard.experiment.console import counted, shown_path
from convboard.results.sweep_report import print_report
from convboard.sweeps import forked_process
from convboard.sweeps.command_options import read_options, refuse_others
from convboard.sweeps.search.optuna_version import other_optuna
from convboard.sweeps.search.search import Search
from convboard.sweeps.slots import Slot
from convboard.sweeps.store.liveness import clock_remark, this_worker
from convboard.sweeps.store.submissions import submission_of
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.sweep_options import SweepOptions
from convboard.sweeps.terminal.live_view import LiveView
from convboard.sweeps.workers.pool import Pool
from convboard.training import signals
from convboard.training.signals import EXIT_BY_SIGNAL

_TRIAL = "convboard.cli.trial"
_TARGET, _ON_DEATH = f"{_TRIAL}:run_trial", f"{_TRIAL}:record_death"


def run_sweep(arguments: Sequence[str]) -> None:
    """Run a sweep, or go on with one.

    Args:
        arguments: The arguments of the command line.

    Raises:
        ConfigError: A trial cannot be.
        JobError: Trials have failed.
        RunEnded: A signal stopped it.
    """
    options, overrides = read_options(arguments)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    if options.watch is not None or options.cancel is not None:
        refuse_others(options, arguments)
        if options.watch is not None:
            watch_sweep(Path(options.watch), console)
        else:
            cancel_sweep(Path(options.cancel or ""), console)
        return
    forked_process.preload(_TRIAL)
    with signals.handling(partial(_leave, _same_command(options, arguments))):
        opened = open_sweep(options, overrides, arguments, console)
    if opened is None:
        return
    sweep, places = opened
    go_on = how_to_go_on(sweep.folder, "sweep.resume" if options.join is None else "sweep.join")
    with signals.handling(partial(_leave, go_on)):
        if (number := signals.received()) is not None:  # while the sweep was written
            _leave(go_on, number)
        search = Search.open(sweep)
        _print_header(sweep, places.number, options.join is not None, console)
        if places.device is not None:
            submit_workers(sweep, options, arguments, console)
            return
    streams.go_on_without_output()
    with folder_errors(sweep.folder):
        received, limit = _run(sweep, console, places.slots, search, options.submission)
        sweep.refresh()
    if received is not None:
        error = KeyboardInterrupt(received)
        others = " Other workers go on with the sweep." if any(sweep.journal.running()) else ""
        raise RunEnded(error, f"interrupted; the trials that ran are saved.{others} {go_on}")
    _report(sweep, console, limit, go_on)


def _leave(go_on: str, number: int) -> None:
    """A signal before the first trial."""
    forked_process.end_all()
    signals.leave(EXIT_BY_SIGNAL + number, f"interrupted before the first trial. {go_on}".rstrip())


def _same_command(options: SweepOptions, arguments: Sequence[str]) -> str:
    """Say how to go on with a sweep in which nothing is changed yet; empty for a new one, and for a dry run."""
    if options.dry_run or (options.resume is None and options.join is None):
        return ""
    return f"Go on with the sweep: {command('train', '-m', *map(shlex.quote, map(argument_of, arguments)))}"


def _print_header(sweep: Sweep, places: int, is_joined: bool, console: Console) -> None:
    """Print what the sweep is, and who else trains it."""
    console.print(f"sweep:      {counted(sweep.total, 'trial')}, {sweep.left:,} to run, {places} at a time")
    console.print(f"objective:  {sweep.record.objective}")
    console.print(f"folder:     {printable(shown_path(sweep.folder))}")
    most = sweep.record.options.get("max_trials")
    if most is not None and sweep.total < most:
        console.print(
            f"fewer:      sweep.max_trials={most} gives {sweep.total:,}: no setting is tried twice, and each is "
            "trained with all seeds"
        )
    for remark in filter(None, (other_optuna(sweep.record), clock_remark(sweep.workers))):
        console.print(f"note:       {printable(remark)}")
    running = printable(", ".join(sorted({worker for _, worker in sweep.journal.running()})))
    if is_joined:
        console.print(f"joined:     {f'beside {running}' if running else 'nobody else trains its runs now'}")
    elif running:
        console.print(f"beside:     {running}")


def _run(
    sweep: Sweep, console: Console, places: Sequence[Slot], search: Search | None, started_by: int | None
) -> tuple[int | None, str]:
    """Run the trials. Returns the number of the signal that stopped it, and the limit, if one did.

    Args:
        sweep: The sweep.
        console: Shows how far it is.
        places: The places for trials.
        search: Proposes further trials.
        started_by: The number of the submission that has started this worker, if one has.
    """
    limits = SweepOptions(**sweep.record.options).limits()
    stops, worker = None, this_worker(started_by)
    if started_by is not None and (submission := submission_of(sweep.folder, started_by)) is not None:
        stops = submission.stops
        limits = replace(limits, idle_minutes=submission.settings["idle_minutes"])
    propose = (lambda: False) if search is None else search.propose
    with LiveView(console, sweep, len(places)) as view:
        pool = Pool(sweep, worker, places, _TARGET, view, _ON_DEATH, limits, propose, stops)
        is_users = started_by is None  # engines send several signals, all of which mean the same
        with signals.handling(lambda _: pool.stop(), all_of_them=is_users), signals.suspending(pool.suspend):
            pool.run()
        return signals.received(), pool.ended_by


def _report(sweep: Sweep, console: Console, limit: str, go_on: str) -> None:
    """Print what has come out of the sweep, and how to go on with it if a limit has ended it.

    Raises:
        JobError: Trials have failed.
    """
    if limit and sweep.left:
        console.print(f"stopped:    {limit}; {counted(sweep.left, 'trial')} left to run. {go_on}")
    print_report(sweep, console)
    failed = sweep.journal.failed(range(len(sweep.trials)))
    if failed:
        raise JobError(f"{len(failed):,} of {counted(len(sweep.trials), 'trial')} failed.", 1)
