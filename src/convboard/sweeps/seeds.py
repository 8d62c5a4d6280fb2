"""`sweep.seeds`: every setting of a sweep is run with several seeds, and is judged by their mean."""

from collections import Counter
from collections.abc import Mapping, Sequence

from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from convboard.config.compose import compose_config, parse_overrides
from convboard.errors import ConfigError, ConvboardError
from convboard.sweeps.grid import values_of
from convboard.sweeps.store.trials import SEED, Trial, setting_of


def with_seeds(overrides: Sequence[str], seeds: int | None, rows: Sequence[Mapping[str, str]] = ()) -> list[str]:
    """Return the overrides of a sweep with a list of seeds: the config's own one and those that follow it.

    All settings get the same seeds, so that they can be compared seed by seed. Where options are swept that have seeds
    of their own, the first one counts.

    Args:
        overrides: The overrides that describe the trials.
        seeds: Number of seeds; None changes nothing.
        rows: Values that belong together, see `grid`.

    Raises:
        ConfigError: The overrides give several seeds themselves, or the rows do.
    """
    if seeds is None:
        return list(overrides)
    parsed = parse_overrides(overrides)
    for override in parsed:
        if _key(override) == SEED and override.is_sweep_override():
            raise ConfigError(f"sweep.seeds={seeds} cannot be used with {override.input_line}: omit one of them.")
    if any(SEED in row for row in rows):
        raise ConfigError(f"sweep.seeds={seeds} cannot be used with the {SEED} of each row: omit one of them.")
    own = _own_seed(parsed, rows)
    others = [text for text, override in zip(overrides, parsed, strict=True) if _key(override) != SEED]
    return [*others, f"{SEED}={','.join(str(own + number) for number in range(seeds))}"]


def _own_seed(parsed: Sequence[Override], rows: Sequence[Mapping[str, str]]) -> int:
    """Return the seed of the first combination; 0 if that cannot be, which is told when the trials are composed."""
    first = dict(rows[0]) if rows else {}
    for override in parsed:
        key = override.get_key_element()
        if override.is_discrete_sweep() or not override.is_sweep_override():
            first.setdefault(key, values_of(key, override)[0])
    try:
        composed = compose_config([f"{key}={value}" if value else key for key, value in first.items()])
    except (ConvboardError, HydraException):
        return 0
    return composed.config.seed


def _key(override: Override) -> str:
    return str(override.get_key_element()).lstrip("+~")


def first_seeds_first(trials: Sequence[Trial]) -> list[Trial]:
    """Return trials ordered such that each setting is run once before any is run with a second seed."""
    seeds: Counter[object] = Counter()
    rounds: dict[int, list[Trial]] = {}
    for trial in trials:
        setting = setting_of(trial)
        rounds.setdefault(seeds[setting], []).append(trial)
        seeds[setting] += 1
    return [trial for number in sorted(rounds) for trial in rounds[number]]
