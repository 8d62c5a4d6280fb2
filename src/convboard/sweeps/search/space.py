"""The space of a search: the values that each key can have, in Hydra's syntax."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from itertools import product
from typing import Any, get_args, get_origin

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from convboard.config.compose import parse_overrides, sets_value
from convboard.config.frozen_base import calls_resolver
from convboard.config.known_keys import keys
from convboard.config.override_values import MOST_RUNS, number_of_runs
from convboard.config.schema import TrainConfig
from convboard.errors import ConfigError
from convboard.sweeps.grid import values_of
from convboard.sweeps.store.trials import SEED

_MOST_CORNERS = 64
_RESOLUTION = 1e-4  # of an interval; more digits would only make names of folders longer


@dataclass(frozen=True)
class Choices:
    """A list of values.

    Attributes:
        texts: The values, as texts of overrides.
        is_ordered: Whether they are numbers, the smallest first.
    """

    texts: tuple[str, ...]
    is_ordered: bool = False

    @property
    def size(self) -> int:
        """Number of values."""
        return len(self.texts)

    @property
    def extremes(self) -> tuple[str, ...]:
        """The values that have to be possible for all to be possible."""
        return self.texts

    def nearest_extreme(self, text: str) -> str:
        """Return the extreme that is nearest to a value: itself."""
        return text

    def text(self, fraction: float) -> str:
        """Return the value at a fraction of the list, from 0 to 1 exclusive."""
        return self.texts[int(fraction * self.size)]


@dataclass(frozen=True)
class Interval:
    """Numbers between two bounds, which are included.

    Attributes:
        low: The smallest one.
        high: The largest one.
        is_integer: Whether they are whole numbers.
        is_log: Whether their logarithms are spread evenly.
    """

    low: float
    high: float
    is_integer: bool = False
    is_log: bool = False

    @property
    def size(self) -> int | None:
        """Number of values; None if there is no limit."""
        return int(self.high) - int(self.low) + 1 if self.is_integer else None

    @property
    def extremes(self) -> tuple[str, ...]:
        """The values that have to be possible for all to be possible."""
        return self.format(self.low), self.format(self.high)

    def nearest_extreme(self, text: str) -> str:
        """Return the bound that is nearest to a value."""
        middle = math.sqrt(self.low) * math.sqrt(self.high) if self.is_log else (self.low + self.high) / 2
        return self.extremes[float(text) > middle]

    def text(self, fraction: float) -> str:
        """Return the value at a fraction of the interval, from 0 to 1 exclusive."""
        half = 0.5 if self.is_integer else 0.0  # each whole number has the share of its surroundings
        low, high = self.low - half, self.high + half
        if self.is_log:
            return self.format(math.exp(math.log(low) + fraction * (math.log(high) - math.log(low))))
        return self.format(low + fraction * (high - low))

    def format(self, value: float) -> str:
        """Return a value within the bounds with as few digits as the interval allows, at least four."""
        value = min(max(value, self.low), self.high)
        if self.is_integer:
            return str(math.floor(value + 0.5))
        wanted = _RESOLUTION * (value * math.log(self.high / self.low) if self.is_log else self.high - self.low)
        for digits in range(4, 17):
            rounded = float(f"{value:.{digits}g}")
            if abs(rounded - value) <= wanted and self.low <= rounded <= self.high:
                return repr(rounded)
        return repr(value)


Dimension = Choices | Interval


@dataclass(frozen=True)
class Space:
    """What a search chooses from.

    Attributes:
        dimensions: The values of each key that has several, without the seed.
        fixed: The other overrides, which all trials have.
        seeds: The seeds of each setting; empty if none is given. They are no part of the space.
    """

    dimensions: Mapping[str, Dimension]
    fixed: tuple[str, ...]
    seeds: tuple[str, ...] = ()

    @property
    def size(self) -> int | None:
        """Number of settings; None if there is no limit."""
        sizes = [dimension.size for dimension in self.dimensions.values()]
        return math.prod(size for size in sizes if size is not None) if None not in sizes else None

    def at(self, fractions: Mapping[str, float]) -> dict[str, str]:
        """Return the setting at a place of the space: for each key a number from 0 to 1 exclusive."""
        return {key: dimension.text(fractions[key]) for key, dimension in self.dimensions.items()}

    def nearest_corner(self, setting: Mapping[str, str]) -> dict[str, str]:
        """Return the setting with the nearest extreme of each key."""
        return {key: dimension.nearest_extreme(setting[key]) for key, dimension in self.dimensions.items()}

    def __getitem__(self, index: int) -> dict[str, str]:
        """Return a setting by its index in the list of all, where the number of settings has a limit."""
        setting = {}
        for key, dimension in self.dimensions.items():
            assert dimension.size is not None
            index, place = divmod(index, dimension.size)
            setting[key] = dimension.texts[place] if isinstance(dimension, Choices) else str(int(dimension.low) + place)
        return setting

    def choices_of_options(self) -> Iterator[dict[str, str]]:
        """Yield a setting for each choice of options in `conf/`. The keys that set values have their first values."""
        texts = {key: one.extremes[:1] if sets_value(key) else one.extremes for key, one in self.dimensions.items()}
        yield from (dict(zip(texts, combination, strict=True)) for combination in product(*texts.values()))

    def corners(self) -> Iterator[dict[str, str]]:
        """Yield settings that show whether all values are possible: combinations of the extremes of each key.

        If there are many, these are the choices of options, and each extreme of the other keys once.
        """
        extremes = {key: dimension.extremes for key, dimension in self.dimensions.items()}
        if math.prod(map(len, extremes.values())) <= _MOST_CORNERS:
            yield from (dict(zip(extremes, texts, strict=True)) for texts in product(*extremes.values()))
            return
        yield from self.choices_of_options()
        first = {key: texts[0] for key, texts in extremes.items()}
        for key, texts in extremes.items():
            yield from ({**first, key: text} for text in texts[1:] if sets_value(key))


def read_space(overrides: Sequence[str]) -> Space:
    """Read the space that the overrides of a command line describe.

    Args:
        overrides: Such as `["model=lenet,resnet18", "optimizer.lr=tag(log,interval(0.001,0.1))", "seed=1,2"]`.

    Raises:
        ConfigError: A range is empty or impossible, or no key has several values.
        HydraException: An override cannot be parsed.
    """
    dimensions: dict[str, Dimension] = {}
    fixed: list[str] = []
    seeds: tuple[str, ...] = ()
    for key, override in {one.get_key_element(): one for one in parse_overrides(overrides)}.items():
        if key == SEED and override.is_sweep_override():
            seeds = _seeds(override)
            continue
        dimension = _dimension(key, override)
        if dimension.size == 1:
            fixed.append(f"{key}={dimension.extremes[0]}" if dimension.extremes[0] else key)
        else:
            dimensions[key] = dimension
    if not dimensions:
        but = " but the seed, which is not searched" if len(seeds) > 1 else ""
        raise ConfigError(
            f"sweep=random and sweep=tpe choose values, but no key has several{but}. Give a space, such as "
            "optimizer.lr=tag(log,interval(0.001,0.1)) or model=lenet,batchnorm_cnn."
        )
    return Space(dimensions, tuple(fixed), seeds)


def _seeds(override: Override) -> tuple[str, ...]:
    if not override.is_discrete_sweep():
        raise ConfigError(
            f"{override.input_line}: the seed is not searched, because no seed is better than another. Give a list, "
            "such as seed=1,2,3: each setting is then trained with each of them, and judged by the mean."
        )
    return tuple(dict.fromkeys(values_of(SEED, override)))


def _dimension(key: str, override: Override) -> Dimension:
    value = override.value()
    if isinstance(value, IntervalSweep):
        return _interval(key, override, value)
    if isinstance(value, RangeSweep) and number_of_runs([override.input_line or ""]) > MOST_RUNS:
        raise ConfigError(f"{override.input_line}: of a long range write its bounds: {key}=int(interval(1,1000)).")
    texts = list(dict.fromkeys(values_of(key, override)))
    if calls_resolver(override.input_line) and len(texts) > 1:
        raise ConfigError(f"{override.input_line}: a search cannot choose among values of the environment.")
    numbers = list(map(_number, texts))
    if None in numbers or len(texts) < 3:
        return Choices(tuple(texts))
    return Choices(tuple(sorted(texts, key=float)), is_ordered=True)


def _number(text: str) -> float | None:
    try:
        return float(text) if math.isfinite(float(text)) else None
    except ValueError:
        return None


def _interval(key: str, override: Override, value: IntervalSweep) -> Interval:
    low, high = value.start, value.end
    assert low is not None
    assert high is not None
    given = override.input_line
    is_log = "log" in value.tags
    if unknown := value.tags - {"log"}:
        raise ConfigError(f"{given}: {sorted(unknown)[0]} is no tag that a search knows. Allowed: log.")
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ConfigError(f"{given}: the bounds of an interval must be finite numbers.")
    if low > high:
        raise ConfigError(f"{given}: the first bound is above the second. Write interval({high:g},{low:g}).")
    if low == high:
        raise ConfigError(f"{given}: there is one value in this interval. Write {key}={low:g}, or two bounds.")
    if is_log and low <= 0:
        raise ConfigError(
            f"{given}: the logarithm needs bounds above 0, and {low:g} is not. Write a small number, such as 1e-6, or "
            f"leave out tag(log, ...)."
        )
    interval = Interval(low, high, isinstance(low, int), is_log)
    _check_type(key, given or "", interval)
    return interval


def _check_type(key: str, given: str, interval: Interval) -> None:
    """Check that a key that the schema knows can have the numbers of an interval."""
    hint: Any = dict(keys(TrainConfig)).get(key.lstrip("+"), Any)
    kinds = set(get_args(hint) or (hint,)) - {type(None)} if get_origin(hint) is not dict else {dict}
    if kinds & {float, Any} or (int in kinds and interval.is_integer):
        return
    bounds = f"{interval.low:g},{interval.high:g}"
    if int in kinds:
        wanted = f"tag(log,int(interval({bounds})))" if interval.is_log else f"int(interval({bounds}))"
        raise ConfigError(f"{given}: {key} is a whole number. Write {key}={wanted}.")
    what = "the options of a group" if kinds == {dict} or any(map(is_dataclass, kinds)) else "its values"
    raise ConfigError(f"{given}: {key} is no number. Give a list of {what}, such as {key}=<one>,<other>.")
