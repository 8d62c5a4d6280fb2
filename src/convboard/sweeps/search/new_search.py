"""A new search, from the command line of its sweep: what is wrong with it is told before anything starts."""

import math
import os
from collections.abc import Iterator, Mapping, Sequence

from convboard.config.compose import compose_config, sets_value
from convboard.config.frozen_base import Base, compose_base, config_of
from convboard.errors import ConfigError
from convboard.sweeps.grid import Setting, named
from convboard.sweeps.search.optuna_version import require_optuna
from convboard.sweeps.search.plan import SearchPlan, split
from convboard.sweeps.search.space import Space, read_space
from convboard.sweeps.sweep_options import SweepOptions

_MOST_BASES = 1000


def new_plan(options: SweepOptions, overrides: Sequence[str]) -> SearchPlan | None:
    """Plan the search of a sweep; None for a grid.

    Args:
        options: The keys of the sweep.
        overrides: The overrides of its command line that describe the trials.

    Raises:
        ConfigError: The space is impossible, a choice of options cannot be composed, or Optuna is missing; or keys of
            the sweep do not go together.
    """
    if options.search == "grid":
        if options.max_trials is not None:
            raise ConfigError(
                f"sweep.max_trials={options.max_trials} belongs to a search: add sweep=random or sweep=tpe. A grid "
                "tries every combination."
            )
        return None
    if options.trials is not None:
        raise ConfigError(
            f"sweep.trials={options.trials} cannot be used with sweep={options.search}, which chooses the values. Omit "
            "one of them."
        )
    require_optuna(options.search)
    space = read_space(overrides)
    seeds = len(space.seeds) or 1
    if options.max_trials is None:
        raise ConfigError("sweep.max_trials=null: a search needs a number of trials, such as sweep.max_trials=20.")
    if options.max_trials < seeds:
        raise ConfigError(f"sweep.max_trials={options.max_trials}: one setting has {seeds} trials, one for each seed.")
    bases = dict(_bases(space))
    _check_objective(space, bases)
    return SearchPlan(space, bases, os.path.abspath("."))  # noqa: PTH100  (links stay)


def _check_objective(space: Space, bases: Mapping[tuple[str, ...], Base]) -> None:
    """Check that all trials have the same objective."""
    swept = space.dimensions["objective"].extremes if "objective" in space.dimensions else ()
    objectives = list(dict.fromkeys([*swept, *(str(base["objective"]) for base in bases.values())]))
    if len(objectives) > 1:
        raise ConfigError(f"objective={','.join(objectives)}: the trials of a sweep are compared by one objective.")


def _bases(space: Space) -> Iterator[tuple[tuple[str, ...], Base]]:
    """Compose the base of each choice of options that the settings of a space can make."""
    number = math.prod(one.size or 1 for key, one in space.dimensions.items() if not sets_value(key))
    if number > _MOST_BASES:
        raise ConfigError(
            f"-m: a search composes every choice of options before it starts, and here are {number:,}. At most "
            f"{_MOST_BASES:,} are possible: give fewer options."
        )
    for setting in space.choices_of_options():
        options, values = split(setting)
        overrides = (*space.fixed, *options, *values)
        with named(Setting(overrides, setting), [Setting(space.fixed, {})]):
            composed = compose_config(overrides)
            base = compose_base([*space.fixed, *options])
            if config_of(base, values, overrides) != composed.config:
                raise ConfigError(
                    "a key follows another one by an interpolation that calls a resolver, such as ${oc.select:seed}, "
                    "which a search cannot do. Write ${seed}, or a value."
                )
        yield options, base
