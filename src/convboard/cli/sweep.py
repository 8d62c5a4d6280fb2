"""`train -m`: a sweep, whose trials a pool of processes runs side by side."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from convboard.cli.frame import JobError, RunEnded
from convboard.config import compose
from convboard.config.command_line import assignment, command, printable, tensorboard
from convboard.config.override_values import overridden
from convboard.errors import RunError
from convboard.experiment.console import counted, shown_path
from convboard.experiment.run_dir import RESULT
from convboard.experiment.stored_json import read_result
from convboard.sweeps.existing_sweep import join_sweep, resume_sweep
from convboard.sweeps.journal import CLAIMABLE, State
from convboard.sweeps.live_view import LiveView, format_value
from convboard.sweeps.liveness import this_worker
from convboard.sweeps.new_sweep import create_sweep, new_trials, trust_trials
from convboard.sweeps.pool import Pool
from convboard.sweeps.ranking import SEED, RankedSetting, Result, importance, rank
from convboard.sweeps.search import Search
from convboard.sweeps.search_plan import new_plan
from convboard.sweeps.slots import Slot, slots, threads_of
from convboard.sweeps.sweep_folder import LOG, SWEEP, Sweep, refuse_existing
from convboard.sweeps.sweep_options import SweepOptions, read_options
from convboard.sweeps.trial_rows import read_rows
from convboard.sweeps.trials import Trial, with_threads
from convboard.training import signals

_TARGET = "convboard.cli.trial:run_trial"
_RANKED = 10  # settings in the table at the end


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
    console.print(f"folder:     {shown_path(sweep.folder)}")
    if running := {worker for _, worker in sweep.journal.running()}:
        console.print(f"beside:     {', '.join(sorted(running))}")
    with _folder_errors(sweep.folder):
        received = _run(sweep, console, places, search)
        sweep.refresh()
    if received is not None:
        key = "sweep.resume" if options.join is None else "sweep.join"
        go_on = command("train", "-m", assignment(key, shown_path(sweep.folder)))
        error = KeyboardInterrupt(received)
        others = " Other workers go on with the sweep." if any(sweep.journal.running()) else ""
        raise RunEnded(error, f"interrupted; the trials that ran are saved.{others} Go on with the sweep: {go_on}")
    _report(sweep, console)


def _opened(options: SweepOptions, overrides: Sequence[str], arguments: Sequence[str]) -> tuple[Sweep, list[Slot]]:
    """Open the sweep to go on with, or create the one that the overrides describe; and choose the places for trials."""
    existing = options.resume if options.join is None else options.join
    if existing is not None:
        with _folder_errors(Path(existing).absolute()):
            sweep = (resume_sweep if options.join is None else join_sweep)(options, overrides, arguments)
        return sweep, _places(options, sweep.representatives)
    compose.register()
    folder = overridden(overrides, "hydra.sweep.dir") or Path("outputs/sweeps") / compose.run_id()
    refuse_existing(Path(folder))
    described = [override for override in overrides if not override.startswith("hydra.")]
    plan = new_plan(options, described)
    trials = list(plan.corners()) if plan else new_trials(described, read_rows(options.trials))
    places = _places(options, trials)
    threads = threads_of(places)
    trials = [with_threads(trial, threads) for trial in trials]
    with _folder_errors(Path(folder)):
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
            go_on = command("train", "-m", assignment("sweep.resume", shown_path(folder)))
            advice = f"When that is mended, go on with the sweep: {go_on}"
        raise RunError(f"{folder} cannot be written: {error.strerror} ({error.filename}). {advice}") from error


def _places(options: SweepOptions, trials: Iterable[Trial]) -> list[Slot]:
    """Return the places for trials on this machine."""
    trainers = [trial.config["trainer"] for trial in trials]
    threads = max((trainer["threads"] or 1 for trainer in trainers), default=1)
    return slots(options.workers, options.per_gpu, {str(trainer["device"]) for trainer in trainers}, threads)


def _run(sweep: Sweep, console: Console, places: Sequence[Slot], search: Search | None) -> int | None:
    """Run the trials. Returns the number of the signal that stopped it, if one did."""
    with LiveView(console, sweep, len(places)) as view:
        propose = (lambda: False) if search is None else search.propose
        pool = Pool(sweep, this_worker(), places, _TARGET, view, propose)
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
        console.print(f"best:       {shown_path(sweep.run_dir(best.number))}")
        console.print(f"repeat it:  {best.command}")
    console.print(f"look at it: {tensorboard(shown_path(sweep.folder))}", style="bold")
    failed = sweep.journal.failed(range(len(sweep.trials)))
    if failed:
        for trial in map(sweep.trials.__getitem__, failed):
            reason = sweep.journal.entries(trial.number)[-1].reason
            console.print(Text(f"failed:     {printable(trial.name)}: {printable(reason)}", "red"))
            console.print(f"            {shown_path(sweep.run_dir(trial.number) / LOG)}")
            console.print(f"            {trial.command}")
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
