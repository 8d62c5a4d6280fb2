"""`train -m`: a sweep, whose trials a pool of processes runs side by side."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from convboard.cli import streams
from convboard.cli.frame import JobError, RunEnded
from convboard.config import compose
from convboard.config.command_line import assignment, command, printable
from convboard.errors import ConfigError, RunError
from convboard.experiment.console import counted, shown_path
from convboard.results.sweep_report import print_report
from convboard.sweeps import forked_process
from convboard.sweeps.composed_trials import new_trials
from convboard.sweeps.existing_sweep import join_sweep, resume_sweep
from convboard.sweeps.new_sweep import create_sweep, new_folder, refuse_folder, without_repeated
from convboard.sweeps.search.new_search import new_plan
from convboard.sweeps.search.search import Search
from convboard.sweeps.seeds import first_seeds_first, with_seeds
from convboard.sweeps.slots import Slot, slots, threads_of
from convboard.sweeps.store.liveness import this_worker
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import SWEEP
from convboard.sweeps.store.trials import Trial, with_threads
from convboard.sweeps.sweep_options import SweepOptions, read_options
from convboard.sweeps.terminal.dry_run import report_dry_run
from convboard.sweeps.terminal.live_view import LiveView
from convboard.sweeps.terminal.status_line import StatusLine
from convboard.sweeps.trial_checks import TrialChecks, refuse_failing
from convboard.sweeps.trial_plans import Plan, PlanProcesses, chosen_keys, kind, with_plans
from convboard.sweeps.trial_rows import read_rows
from convboard.sweeps.workers.pool import Pool
from convboard.training import signals
from convboard.training.signals import EXIT_BY_SIGNAL

_TRIAL = "convboard.cli.trial:"
_TARGET, _ON_DEATH, _PLAN = f"{_TRIAL}run_trial", f"{_TRIAL}record_death", f"{_TRIAL}report_plan"
_CHECK = "convboard.cli.check:run_checks"


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
    forked_process.preload(_TARGET.partition(":")[0])
    console = Console(soft_wrap=True, highlight=False, markup=False)
    with signals.handling(_leave):
        opened = _opened(options, overrides, arguments, console)
    if opened is None:
        return
    sweep, places = opened
    search = Search.open(sweep)
    console.print(f"sweep:      {counted(sweep.total, 'trial')}, {sweep.left:,} to run, {len(places)} at a time")
    console.print(f"objective:  {sweep.record.objective}")
    console.print(f"folder:     {printable(shown_path(sweep.folder))}")
    most = sweep.record.options.get("max_trials")
    if most is not None and sweep.total < most:
        console.print(
            f"fewer:      sweep.max_trials={most} gives {sweep.total:,}: no setting is tried twice, and each is "
            "trained with all seeds"
        )
    if running := {worker for _, worker in sweep.journal.running()}:
        console.print(f"beside:     {printable(', '.join(sorted(running)))}")
    streams.go_on_without_output()
    with _folder_errors(sweep.folder):
        received, limit = _run(sweep, console, places, search)
        sweep.refresh()
    go_on = _how_to_go_on(sweep.folder, "sweep.resume" if options.join is None else "sweep.join")
    if received is not None:
        error = KeyboardInterrupt(received)
        others = " Other workers go on with the sweep." if any(sweep.journal.running()) else ""
        raise RunEnded(error, f"interrupted; the trials that ran are saved.{others} {go_on}")
    _report(sweep, console, limit, go_on)


def _leave(number: int) -> None:
    """A signal before the first trial."""
    forked_process.end_all()
    signals.leave(EXIT_BY_SIGNAL + number, "interrupted before the first trial.")


def _opened(
    options: SweepOptions, overrides: Sequence[str], arguments: Sequence[str], console: Console
) -> tuple[Sweep, list[Slot]] | None:
    """Open the sweep to go on with, or create the one that the overrides describe; and choose the places for trials.

    Returns None after a dry run.
    """
    if options.join is not None:
        with _folder_errors(Path(options.join).absolute()):
            sweep = join_sweep(options, overrides, arguments)
        return sweep, _places(options, sweep.representatives)
    if options.resume is not None:
        return _resumed(options, overrides, arguments, console)
    if options.promote is not None:
        raise ConfigError(f"sweep.promote={options.promote} is for a sweep to go on with: add sweep.resume=<folder>.")
    compose.register()
    folder, described = new_folder(overrides)
    with _folder_errors(folder):
        refuse_folder(folder)
    rows = read_rows(options.trials)
    described = with_seeds(described, options.seeds, rows)
    plan = new_plan(options, described)
    trials = list(plan.corners()) if plan else _grid(described, rows, console)
    trials = [replace(trial, number=number) for number, trial in enumerate(trials)]
    options.check_epochs(max(trial.config["trainer"]["max_epochs"] for trial in trials))
    places = _places(options, trials)
    threads = threads_of(places)
    trials = [with_threads(trial, threads) for trial in trials]
    _check(trials, places, console)
    if options.dry_run:
        report_dry_run(console, trials, len(places), plan.total(options.max_trials or 0) if plan else None)
        return None
    with _folder_errors(folder):
        planned = _planned(trials, places, console)
        search = replace(plan, threads=threads, plans=chosen_keys(trials, planned)).to_json() if plan else None
        sweep = create_sweep(folder, ["-m", *arguments], planned, options, search)
    return sweep, places


def _grid(overrides: Sequence[str], rows: Sequence[Mapping[str, str]], console: Console) -> list[Trial]:
    """Compose the trials of a grid, each once."""
    with StatusLine(console) as line:
        trials = new_trials(overrides, rows, on_progress=partial(line.show, "composing"))
    kept, told = without_repeated(trials)
    if told:
        console.print(f"repeated:   {told}")
    return first_seeds_first(kept)


def _resumed(
    options: SweepOptions, overrides: Sequence[str], arguments: Sequence[str], console: Console
) -> tuple[Sweep, list[Slot]] | None:
    """Open the sweep to go on with, and choose the places for trials. Returns None after a dry run."""
    folder = Path(options.resume or "").absolute()
    with _folder_errors(folder):
        resumption = resume_sweep(options, overrides, arguments)
    sweep = resumption.sweep
    places = _places(options, [*sweep.representatives, *resumption.further])
    if options.dry_run:
        todo = resumption.todo()
        _check(todo, places, console)
        report_dry_run(console, todo, len(places), proposed=resumption.proposed())
        return None
    if resumption.further:
        _check(resumption.further, places, console)
        resumption.further = _planned(resumption.further, places, console)  # those of new kinds
    with _folder_errors(folder):
        resumption.apply()
    if resumption.further:
        console.print(f"added:      {counted(len(resumption.further), 'trial')}")
    return sweep, places


def _planned(trials: Sequence[Trial], places: Sequence[Slot], console: Console) -> list[Trial]:
    """Return trials with the plans of their kinds, and show how many are chosen."""
    processes, kinds, begun = PlanProcesses(places[0], _PLAN), len(set(map(kind, trials))), itertools.count()
    with StatusLine(console) as line:

        def choose(trial: Trial) -> Plan | None:
            line.show("planning", next(begun), kinds)
            return processes(trial)

        return with_plans(trials, choose)


def _check(trials: Sequence[Trial], places: Sequence[Slot], console: Console) -> None:
    """Check that trials can be run. Raises ConfigError if one cannot."""
    with StatusLine(console) as line:
        checks = TrialChecks(places, _CHECK, line.print, partial(line.show, "checking"))
        refuse_failing(trials, checks.failures(trials))


@contextmanager
def _folder_errors(folder: Path) -> Iterator[None]:
    """Tell in one sentence that the folder of a sweep cannot be written."""
    try:
        yield
    except OSError as error:
        place, whole = Path(error.filename or ""), folder.absolute()
        if error.filename is None or not (place.is_relative_to(whole) or whole.is_relative_to(place.absolute())):
            raise
        advice = "Choose another folder with hydra.sweep.dir=<folder>."
        if (folder / SWEEP).exists():
            advice = f"Mend that first. {_how_to_go_on(folder)}"
        raise RunError(f"{folder} cannot be written: {error.strerror} ({error.filename}). {advice}") from error


def _how_to_go_on(folder: Path, key: str = "sweep.resume") -> str:
    return f"Go on with the sweep: {command('train', '-m', assignment(key, shown_path(folder)))}"


def _places(options: SweepOptions, trials: Iterable[Trial]) -> list[Slot]:
    """Return the places for trials on this machine."""
    trainers = [trial.config["trainer"] for trial in trials]
    threads = max((trainer["threads"] or 1 for trainer in trainers), default=1)
    return slots(options.workers, options.per_gpu, {str(trainer["device"]) for trainer in trainers}, threads)


def _run(sweep: Sweep, console: Console, places: Sequence[Slot], search: Search | None) -> tuple[int | None, str]:
    """Run the trials. Returns the number of the signal that stopped it, and the limit, if one did."""
    limits = SweepOptions(**sweep.record.options).limits()
    propose = (lambda: False) if search is None else search.propose
    with LiveView(console, sweep, len(places)) as view:
        pool = Pool(sweep, this_worker(), places, _TARGET, view, _ON_DEATH, limits, propose)
        with signals.handling(lambda _: pool.stop(), all_of_them=True), signals.suspending(pool.suspend):
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
