"""`train -m`: a sweep, whose trials a pool of processes runs side by side."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from convboard.cli.frame import JobError, RunEnded
from convboard.config import compose
from convboard.config.command_line import assignment, command
from convboard.config.override_values import overridden
from convboard.errors import ConfigError, RunError
from convboard.experiment.console import counted, shown_path
from convboard.sweeps.existing_sweep import join_sweep, resume_sweep
from convboard.sweeps.journal import CLAIMABLE
from convboard.sweeps.live_view import LiveView
from convboard.sweeps.liveness import this_worker
from convboard.sweeps.new_sweep import create_sweep, new_trials, trust_trials
from convboard.sweeps.pool import Pool
from convboard.sweeps.search import Search
from convboard.sweeps.search_plan import new_plan
from convboard.sweeps.seeds import first_seeds_first, with_seeds
from convboard.sweeps.slots import Slot, slots, threads_of
from convboard.sweeps.sweep_folder import SWEEP, Sweep, refuse_existing
from convboard.sweeps.sweep_options import SweepOptions, read_options
from convboard.sweeps.sweep_report import print_report
from convboard.sweeps.trial_plans import PlanProcesses, with_plans
from convboard.sweeps.trial_rows import read_rows
from convboard.sweeps.trials import Trial, with_threads
from convboard.training import signals

_TRIAL = "convboard.cli.trial:"
_TARGET, _ON_DEATH, _PLAN = f"{_TRIAL}run_trial", f"{_TRIAL}record_death", f"{_TRIAL}report_plan"


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
    sweep, places = _opened(options, overrides, arguments)
    search = Search.open(sweep)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    todo = sum(sweep.journal.state(trial.number) in CLAIMABLE for trial in sweep.trials)
    todo += sweep.total - len(sweep.trials)
    console.print(f"sweep:      {counted(sweep.total, 'trial')}, {todo:,} to run, {len(places)} at a time")
    console.print(f"objective:  {sweep.record.objective}")
    console.print(f"folder:     {shown_path(sweep.folder)}")
    if running := {worker for _, worker in sweep.journal.running()}:
        console.print(f"beside:     {', '.join(sorted(running))}")
    with _folder_errors(sweep.folder):
        received, limit = _run(sweep, console, places, search)
        sweep.refresh()
    if received is not None:
        error = KeyboardInterrupt(received)
        others = " Other workers go on with the sweep." if any(sweep.journal.running()) else ""
        go_on = _how_to_go_on(sweep.folder, "sweep.resume" if options.join is None else "sweep.join")
        raise RunEnded(error, f"interrupted; the trials that ran are saved.{others} {go_on}")
    _report(sweep, console, limit)


def _opened(options: SweepOptions, overrides: Sequence[str], arguments: Sequence[str]) -> tuple[Sweep, list[Slot]]:
    """Open the sweep to go on with, or create the one that the overrides describe; and choose the places for trials."""
    existing = options.resume if options.join is None else options.join
    if existing is not None:
        with _folder_errors(Path(existing).absolute()):
            sweep = (resume_sweep if options.join is None else join_sweep)(options, overrides, arguments)
        return sweep, _places(options, sweep.representatives)
    if options.promote is not None:
        raise ConfigError(f"sweep.promote={options.promote} is for a sweep to go on with: add sweep.resume=<folder>.")
    compose.register()
    folder = overridden(overrides, "hydra.sweep.dir") or Path("outputs/sweeps") / compose.run_id()
    refuse_existing(Path(folder))
    described = [override for override in overrides if not override.startswith("hydra.sweep.dir=")]
    rows = read_rows(options.trials)
    described = with_seeds(described, options.seeds, rows)
    plan = new_plan(options, described)
    trials = list(plan.corners()) if plan else new_trials(described, rows)
    if options.seeds is not None and plan is None:
        trials = first_seeds_first(trials)
    places = _places(options, trials)
    threads = threads_of(places)
    trials = [with_threads(trial, threads) for trial in trials]
    with _folder_errors(Path(folder)):
        trials = with_plans(trials, PlanProcesses(places[0], _PLAN))
        search = replace(plan, threads=threads).to_json() if plan else None
        sweep = create_sweep(Path(folder), ["-m", *arguments], trials, options, search)
    trust_trials(sweep, True)  # the user has named its code
    return sweep, places


@contextmanager
def _folder_errors(folder: Path) -> Iterator[None]:
    """Tell in one sentence that the folder of a sweep cannot be written."""
    try:
        yield
    except OSError as error:
        if error.filename is None or not Path(error.filename).is_relative_to(folder.absolute()):
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
        with signals.handling(lambda _: pool.stop(), all_of_them=True):
            pool.run()
        return signals.received(), pool.ended_by


def _report(sweep: Sweep, console: Console, limit: str) -> None:
    """Print what has come out of the sweep, and how to go on with it if a limit has ended it.

    Raises:
        JobError: Trials have failed.
    """
    left = sum(sweep.journal.state(trial.number) in CLAIMABLE for trial in sweep.trials)
    if limit and left:
        console.print(f"stopped:    {limit}; {counted(left, 'trial')} left to run. {_how_to_go_on(sweep.folder)}")
    print_report(sweep, console)
    failed = sweep.journal.failed(range(len(sweep.trials)))
    if failed:
        raise JobError(f"{len(failed):,} of {counted(len(sweep.trials), 'trial')} failed.", 1)
