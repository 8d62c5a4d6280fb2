"""A new sweep, from its command line: every trial is composed and checked before anything starts."""

import json
import os
import secrets
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from convboard.config.command_line import command
from convboard.config.compose import compose_each
from convboard.config.schema import OPEN_GROUPS, TrainConfig
from convboard.config.stored_config import with_absolute_paths
from convboard.errors import ConfigError
from convboard.experiment.run_dir import refuse_foreign
from convboard.sweeps.grid import Setting, grid, named
from convboard.sweeps.provenance import provenance_of
from convboard.sweeps.sweep_folder import Sweep, SweepRecord
from convboard.sweeps.sweep_options import SweepOptions
from convboard.sweeps.trials import Trial, folder_name


def new_trials(overrides: Sequence[str], rows: Iterable[Mapping[str, str]] = ({},)) -> list[Trial]:
    """Compose and check the trials of a sweep.

    Args:
        overrides: The overrides of its command line.
        rows: Values that belong together, see `grid`.

    Raises:
        ConfigError: A trial cannot be; its values are named.
    """
    return compose_trials(grid(overrides, rows))


def compose_trials(settings: Sequence[Setting]) -> list[Trial]:
    """Compose and check the trials of settings.

    Raises:
        ConfigError: A trial cannot be; its values are named.
    """
    composed = compose_each(setting.overrides for setting in settings)
    trials = []
    for number, setting in enumerate(settings):
        with named(setting):
            config = next(composed).config
        plain = with_absolute_paths(config).to_dict()
        trials.append(Trial(number, setting.overrides, dict(setting.swept), folder_name(setting.swept, number), plain))
    return trials


def create_sweep(
    folder: Path,
    given: Sequence[str],
    trials: Sequence[Trial],
    options: SweepOptions | None = None,
    search: str | None = None,
) -> Sweep:
    """Create the folder of a sweep.

    Args:
        folder: The folder.
        given: The arguments of the command line.
        trials: Its trials; examples of them if a search proposes them.
        options: The keys of the sweep itself; None for the defaults.
        search: See `Sweep.create`.

    Raises:
        ConfigError: The trials have different objectives, or no trial is long enough to be pruned.
        OSError: The folder cannot be written.
    """
    objectives = list(dict.fromkeys(str(trial.config["objective"]) for trial in trials))
    if len(objectives) > 1:
        raise ConfigError(f"objective={','.join(objectives)}: the trials of a sweep are compared by one objective.")
    options = options or SweepOptions()
    options.check_epochs(max(trial.config["trainer"]["max_epochs"] for trial in trials))
    swept = tuple(dict.fromkeys(key for trial in trials for key in trial.swept))
    provenance = provenance_of(trials)
    record = SweepRecord(
        command("train", *map(shlex.quote, given)),
        swept,
        objectives[0],
        secrets.token_hex(8),
        provenance.environment,
        options.shared(),
        provenance.sources_name,
        provenance.data,
    )
    whole = Path(os.path.abspath(folder))  # noqa: PTH100  (links stay)
    sweep = Sweep.create(whole, record, trials if search is None else [], search)
    sweep.examples = trials if search is not None else ()
    provenance.keep_sources(sweep.folder)
    return sweep


def trust_trials(sweep: Sweep, trust: bool) -> None:
    """Refuse a sweep whose trials name code that is not convboard's own, unless the user trusts it.

    Args:
        sweep: The sweep.
        trust: Whether the user does. It is remembered for this folder and this sweep.

    Raises:
        RunError: He does not, and has not before.
    """
    for trial in {_code(trial): trial for trial in sweep.representatives}.values():
        config = TrainConfig.from_dict(trial.config)
        refuse_foreign(sweep.folder, config, trust=trust, advice=": sweep.trust=true.")


def _code(trial: Trial) -> str:
    """Return what names the code that a trial runs."""
    return json.dumps([trial.config.get(group) for group in OPEN_GROUPS], sort_keys=True)
