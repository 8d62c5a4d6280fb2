"""What a search needs to go on, as it was when the sweep was made: `search.json` in the folder of the sweep.

It holds the space, and the config of every choice of options (`config.frozen_base`): so later changes of files change
nothing for settings that are proposed later.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from convboard.config.compose import sets_value
from convboard.config.frozen_base import Base, calls_resolver, config_of
from convboard.config.groups import TrainerConfig
from convboard.config.stored_config import with_absolute_paths
from convboard.errors import ConfigError, RunError
from convboard.files import read_text
from convboard.sweeps.grid import Setting, named
from convboard.sweeps.search.space import Choices, Dimension, Interval, Space
from convboard.sweeps.store.sweep_folder import SEARCH, Sweep
from convboard.sweeps.store.trials import SEED, Trial, folder_name, with_threads
from convboard.sweeps.trial_plans import kind, with_chosen_keys

_LONGEST = 100_000_000  # bytes


@dataclass(frozen=True)
class SearchPlan:
    """What a search proposes from.

    Attributes:
        space: The values of each key.
        bases: The configs of all choices of options, by the overrides that choose them.
        start: The folder that relative paths of the configs start from.
        threads: Threads of each trial that chooses none; None if that is left to its plan.
        plans: What was chosen for the execution of the trials at the bounds, by kind (`trial_plans.chosen_keys`); None
            before it is.
    """

    space: Space
    bases: Mapping[tuple[str, ...], Base]
    start: str
    threads: int | None = None
    plans: Mapping[str, Mapping[str, Any]] | None = None

    def total(self, max_trials: int) -> int:
        """Return the number of trials that the sweep will have: whole settings, none of them twice."""
        seeds = len(self.space.seeds) or 1
        settings = max_trials // seeds
        return seeds * (settings if self.space.size is None else min(settings, self.space.size))

    def trials(self, setting: dict[str, str]) -> list[Trial]:
        """Compose and check the trials of a setting, one for each seed. Their numbers do not count.

        Raises:
            ConfigError: The values are not possible together.
        """
        return [self._trial(setting | seed) for seed in self._seeds()]

    def _seeds(self) -> list[dict[str, str]]:
        return [{SEED: seed} for seed in self.space.seeds] or [{}]

    def _trial(self, swept: dict[str, str]) -> Trial:
        """Compose a trial, with the plan of its kind, or of the nearest trial at the bounds of the space."""
        trial = self._composed(swept)
        if self.plans is None:
            return trial
        if (chosen := self.plans.get(kind(trial))) is None:
            nearest = self._composed(swept | self.space.nearest_corner(swept))
            chosen = self.plans.get(kind(nearest), {"plan": "default"})
        return with_chosen_keys(trial, chosen)

    def _composed(self, swept: dict[str, str]) -> Trial:
        options, values = split(swept)
        overrides = (*self.space.fixed, *options, *values)
        with named(Setting(overrides, swept)):
            config = config_of(self.bases[options], values, overrides)
        plain = with_absolute_paths(config, Path(self.start)).to_dict()
        trial = Trial(0, overrides, swept, folder_name(swept), plain)
        return with_threads(trial, self.threads)

    def corners(self) -> Iterator[Trial]:
        """Yield trials at the bounds of the space, which show before the start whether all values are possible.

        Raises:
            ConfigError: One is not; it is named.
        """
        for place, setting in enumerate(self.space.corners()):
            yield from self.trials(setting) if place == 0 else [self._trial(setting | self._seeds()[0])]

    def to_json(self) -> str:
        """Return it as the content of `search.json`."""
        plain = asdict(self) | {"bases": [[options, base] for options, base in self.bases.items()]}
        return json.dumps(plain, indent=1) + "\n"


def split(setting: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the overrides of a setting that choose options, and those that set values."""
    options: list[str] = []
    values: list[str] = []
    for key, text in setting.items():
        (values if sets_value(key) else options).append(f"{key}={text}" if text else key)
    return tuple(options), tuple(values)


def read_plan(folder: Path) -> SearchPlan | None:
    """Read the search of a sweep; None if it has none.

    Args:
        folder: The folder of the sweep.

    Raises:
        RunError: It cannot be read, or would run code.
    """
    path = folder / SEARCH
    if not path.exists():
        return None
    with _damage_told(path):
        plain = json.loads(read_text(path, _LONGEST))
        if calls_resolver(plain):
            raise ValueError("a value in it calls a resolver")
        return _plan(**plain)


def read_examples(folder: Path) -> list[Trial]:
    """Return the trials at the bounds of the search of a sweep, which have all its code and data.

    Args:
        folder: The folder of the sweep.

    Raises:
        RunError: The search cannot be read.
    """
    plan = read_plan(folder)
    with _damage_told(folder / SEARCH):
        return list(plan.corners()) if plan else []


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Within, an error is due to a damaged file, or to one of another version."""
    try:
        yield
    except (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise RunError(f"{path} cannot be read: {reason}. Without it the search cannot go on; sweep again.") from error


def refuse_to_change(sweep: Sweep, overrides: Sequence[str], keys: Mapping[str, Any]) -> None:
    """Refuse what a command that resumes a sweep cannot change of its search.

    Args:
        sweep: The sweep.
        overrides: Further values.
        keys: The keys of the sweep itself that are changed.

    Raises:
        ConfigError: A search is given further values or fewer trials than it has, or a grid a number of trials.
    """
    is_search, max_trials = sweep.record.options.get("search", "grid") != "grid", keys.get("max_trials")
    if is_search and overrides:
        raise ConfigError(
            f"{overrides[0]} cannot be used with sweep.resume= of a search, whose values and seeds are those that it "
            "was started with. A larger sweep.max_trials= takes it further."
        )
    if is_search and max_trials is None and "max_trials" in keys:
        raise ConfigError("sweep.max_trials=null: a search needs a number of trials.")
    if max_trials is not None and not is_search:
        raise ConfigError(f"sweep.max_trials={max_trials}: {sweep.folder} is no search, and has all its trials.")
    if max_trials is not None and max_trials < len(sweep.trials):
        raise ConfigError(f"sweep.max_trials={max_trials}: the sweep has {len(sweep.trials)} trials already.")


def _plan(*, space: Any, bases: Any, start: str, threads: int | None, plans: Any) -> SearchPlan:
    """Check what was read."""
    dimensions = {str(key): _dimension(**dimension) for key, dimension in space["dimensions"].items()}
    if not dimensions or not all(dimension.extremes for dimension in dimensions.values()):
        raise ValueError("it has no space")
    if not isinstance(start, str) or not isinstance(threads, int | None):
        raise ValueError("it lacks a folder or a number of threads")
    chosen = None if plans is None else {str(name): dict(keys) for name, keys in plans.items()}
    if unknown := {key for keys in (chosen or {}).values() for key in keys} - {*TrainerConfig.__dataclass_fields__}:
        raise ValueError(f"trainer.{min(unknown)} is not known")
    by_options = {tuple(map(str, options)): dict(base) for options, base in bases}
    texts = tuple(map(str, space["fixed"])), tuple(map(str, space["seeds"]))
    return SearchPlan(Space(dimensions, *texts), by_options, start, threads, chosen)


def _dimension(**fields: Any) -> Dimension:
    if "texts" in fields:
        return Choices(**fields | {"texts": tuple(map(str, fields["texts"]))})
    return Interval(**fields)
