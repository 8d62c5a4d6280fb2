"""The sweep that `train -m` is about: a new one, or one to go on with or to join. Its trials are checked here."""

import itertools
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from convboard.cli.sweep_folder import folder_errors
from convboard.config import compose
from convboard.config.command_line import command, printable
from convboard.errors import ConfigError
from convboard.experiment.console import counted, shown_path
from convboard.sweeps.board_level import MOST_WITH_PICTURES, with_board
from convboard.sweeps.composed_trials import new_trials
from convboard.sweeps.existing_sweep import join_sweep, resume_sweep
from convboard.sweeps.grid import grid
from convboard.sweeps.new_sweep import create_sweep, new_folder, refuse_folder, without_repeated
from convboard.sweeps.places import Places, places_for
from convboard.sweeps.search.new_search import new_plan
from convboard.sweeps.seeds import first_seeds_first, with_seeds
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.trials import Trial, with_threads
from convboard.sweeps.sweep_options import SweepOptions
from convboard.sweeps.terminal.dry_run import report_dry_run
from convboard.sweeps.terminal.status_line import StatusLine
from convboard.sweeps.trial_checks import TrialChecks, refuse_failing
from convboard.sweeps.trial_plans import Plan, PlanProcesses, chosen_keys, kind, with_plans
from convboard.sweeps.trial_rows import read_rows
from convboard.training import signals

_PLAN = "convboard.cli.trial:report_plan"
_CHECK = "convboard.cli.check:run_checks"


def open_sweep(
    options: SweepOptions, overrides: Sequence[str], arguments: Sequence[str], console: Console
) -> tuple[Sweep, Places] | None:
    """Open the sweep to go on with, or create the one that the overrides describe; and choose the places for trials.

    Args:
        options: The keys of the sweep itself.
        overrides: The arguments that describe its trials.
        arguments: All arguments.
        console: Gets what is done meanwhile, and the table of a dry run.

    Returns:
        The sweep and the places; None after a dry run.

    Raises:
        ConvboardError: A trial cannot be, there is no sweep, or its folder cannot be written.
    """
    if options.join is not None:
        with folder_errors(Path(options.join).absolute()):
            sweep = join_sweep(options, overrides, arguments)
        return sweep, places_for(options, sweep.representatives)
    if options.resume is not None:
        return _resumed(options, overrides, arguments, console)
    if options.promote is not None:
        raise ConfigError(f"sweep.promote={options.promote} is for a sweep to go on with: add sweep.resume=<folder>.")
    return _created(options, overrides, arguments, console)


def _created(
    options: SweepOptions, overrides: Sequence[str], arguments: Sequence[str], console: Console
) -> tuple[Sweep, Places] | None:
    """Create the sweep that the overrides describe, and choose the places for trials. Returns None after a dry run."""
    compose.register()
    folder, described = new_folder(overrides)
    with folder_errors(folder):
        refuse_folder(folder)
    rows = read_rows(options.trials)
    described = _with_board(with_seeds(described, options.seeds, rows), rows, options, folder, console)
    plan = new_plan(options, described)
    trials = list(plan.corners()) if plan else _grid(described, rows, console)
    trials = [replace(trial, number=number) for number, trial in enumerate(trials)]
    options.check_epochs(max(trial.config["trainer"]["max_epochs"] for trial in trials))
    places = places_for(options, trials)
    trials = [with_threads(trial, places.threads) for trial in trials]
    _check(trials, places, console)
    if options.dry_run:
        report_dry_run(console, trials, places.number, plan.total(options.max_trials or 0) if plan else None)
        return None
    with folder_errors(folder):
        planned = _planned(trials, places, console)
        search = replace(plan, threads=places.threads, plans=chosen_keys(trials, planned)).to_json() if plan else None
        with signals.StopRequest():  # after it, there is something to go on with
            sweep = create_sweep(folder, ["-m", *arguments], planned, options, search, places.device)
    return sweep, places


def _with_board(
    described: Sequence[str], rows: Sequence[Mapping[str, str]], options: SweepOptions, folder: Path, console: Console
) -> list[str]:
    """Choose how much the trials write for TensorBoard, and say so if the user has not."""
    number = len(grid(described, rows)) if options.search == "grid" else options.max_trials or 0
    overrides, is_extended = with_board(described, number, rows)
    if is_extended:
        pictures = command("runs", "pictures", shlex.quote(shown_path(folder)), "best=5")
        console.print(
            f"board:      minimal, since the sweep has more than {MOST_WITH_PICTURES} trials: curves, and no pictures. "
            f"For those of the best runs: {printable(pictures)}. For those of all: board=default"
        )
    return overrides


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
) -> tuple[Sweep, Places] | None:
    """Open the sweep to go on with, and choose the places for trials. Returns None after a dry run."""
    folder = Path(options.resume or "").absolute()
    with folder_errors(folder):
        resumption = resume_sweep(options, overrides, arguments)
    sweep = resumption.sweep
    places = places_for(options, [*sweep.representatives, *resumption.further])
    if options.dry_run:
        todo = resumption.todo()
        _check(todo, places, console)
        report_dry_run(console, todo, places.number, proposed=resumption.proposed())
        return None
    if resumption.further:
        _check(resumption.further, places, console)
        resumption.further = _planned(resumption.further, places, console)  # those of new kinds
    with folder_errors(folder), signals.StopRequest():  # after half of it, the same command could be refused
        resumption.apply()
    if resumption.further:
        console.print(f"added:      {counted(len(resumption.further), 'trial')}")
    return sweep, places


def _planned(trials: Sequence[Trial], places: Places, console: Console) -> list[Trial]:
    """Return trials with the plans of their kinds, and show how many are chosen.

    Those that others run have the default plan: what is measured here says nothing of other machines.
    """
    if places.device is not None:
        return with_plans(trials, lambda _: None)
    processes, kinds, begun = PlanProcesses(places.slots[0], _PLAN), len(set(map(kind, trials))), itertools.count()
    with StatusLine(console) as line:

        def choose(trial: Trial) -> Plan | None:
            line.show("planning", next(begun), kinds)
            return processes(trial)

        return with_plans(trials, choose)


def _check(trials: Sequence[Trial], places: Places, console: Console) -> None:
    """Check that trials can be run. Raises ConfigError if one cannot."""
    with StatusLine(console) as line:
        checks = TrialChecks(places.slots, _CHECK, line.print, partial(line.show, "checking"))
        refuse_failing(trials, checks.failures(map(places.as_checked, trials)))
