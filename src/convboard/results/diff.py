"""What differs between two runs, or between two settings: config, environment, code and result."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from convboard.config.command_line import format_value
from convboard.results.metric_text import difference_text, summary_text
from convboard.results.run_row import RunRow
from convboard.results.setting import NOT_A_SETTING, Setting
from convboard.results.statistics import summarise

_CODE = ("convboard", "git commit")  # in the environment
_SAID_BY_OTHERS = ("dataset.name", "resume", "command")  # of config and environment
_MOST = 4  # values of a setting that are shown


@dataclass(frozen=True)
class Difference:
    """What A and B have of one name.

    Attributes:
        name: A key of the config, a package, a metric and the like.
        first: What A has, as a text; empty if it has nothing of that name.
        second: What B has.
        change: B minus A, of numbers of the result.
    """

    name: str
    first: str
    second: str
    change: str = ""


def diff(first: Sequence[RunRow], second: Sequence[RunRow]) -> dict[str, list[Difference]]:
    """Return what differs between two runs or settings.

    Args:
        first: The runs of A.
        second: The runs of B.

    Returns:
        By part, of which those without a difference are left out: `config`, `computing` (the keys of device, threads,
        precision and the like, and the folders of the data), `environment`, `code`, and `result`, which has all
        metrics.
    """
    configs = _differing([row.config for row in first], [row.config for row in second])
    configs.sort(key=lambda one: "." in one.name)  # the name of the model before what is inside it
    environments = _differing([row.environment for row in first], [row.environment for row in second])
    parts = {
        "config": [one for one in configs if one.name not in NOT_A_SETTING],
        "computing": [one for one in configs if one.name in NOT_A_SETTING and not one.name.endswith("._target_")],
        "environment": [one for one in environments if one.name not in _CODE],
        "code": [*(one for one in environments if one.name in _CODE), *_sources(first, second)],
        "result": [*_states(first, second), *_results(first, second)],
    }
    return {part: found for part, found in parts.items() if found}


def differing_config(first: RunRow, second: RunRow) -> list[tuple[str, Any, Any]]:
    """Return the keys of the config in which two runs differ, with both values; None where a run lacks the key.

    Keys of how a run computes, and where its data is, are left out.
    """
    keys = [key for key in {**first.config, **second.config} if key not in NOT_A_SETTING]
    values = [(key, first.config.get(key), second.config.get(key)) for key in keys]
    return [(key, one, other) for key, one, other in values if one != other]


def _differing(first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]) -> list[Difference]:
    names = dict.fromkeys(name for one in (*first, *second) for name in one)
    texts = [(name, _text(first, name), _text(second, name)) for name in names if name not in _SAID_BY_OTHERS]
    return [Difference(name, one, other) for name, one, other in texts if one != other]


def _text(samples: Sequence[Mapping[str, Any]], name: str) -> str:
    """Return the values that runs have of one name, without repetitions."""
    values = sorted({format_value(one[name]) for one in samples if name in one})
    more = f" and {len(values) - _MOST} more" if len(values) > _MOST else ""
    return ", ".join(values[:_MOST]) + more


def _sources(first: Sequence[RunRow], second: Sequence[RunRow]) -> Iterator[Difference]:
    """Yield the source files that differ between two sweeps, each of which has a list of those it was trained with."""
    sweeps = [{row.sweep for row in rows} for rows in (first, second)]
    if all(len(folders) == 1 for folders in sweeps):
        one, other = (next(iter(folders)) for folders in sweeps)
        if one is not None and other is not None and one != other:
            from convboard.sweeps.store.provenance import changed_sources  # deferred for start-up time: imports Hydra

            for text in changed_sources(one, other):
                name, _, what = text.partition(" ")
                yield Difference(name, "", what)


def _states(first: Sequence[RunRow], second: Sequence[RunRow]) -> Iterator[Difference]:
    for name in ("state", "reason"):
        texts = [[text for row in rows if (text := str(getattr(row, name)))] for rows in (first, second)]
        one, other = (_text([{name: text} for text in found], name) for found in texts)
        if one != other:
            yield Difference(name, one, other)


def _results(first: Sequence[RunRow], second: Sequence[RunRow]) -> Iterator[Difference]:
    """Yield all metrics, the number of epochs and the time."""
    a, b = (Setting({}, tuple(rows)).results for rows in (first, second))
    for tag in dict.fromkeys(tag for row in (*a, *b) for tag in row.metrics):
        one, other = (summarise([row.metrics[tag] for row in rows if tag in row.metrics]) for rows in (a, b))
        change = "" if one is None or other is None else difference_text(tag, other.mean - one.mean)
        yield Difference(tag, summary_text(tag, one), summary_text(tag, other), change)
    for name, unit in (("epochs", ""), ("seconds", " s")):
        times = [[value for row in rows if (value := getattr(row, name)) is not None] for rows in (a, b)]
        if all(times):
            before, after = map(fmean, times)
            yield Difference(name, f"{before:,.4g}{unit}", f"{after:,.4g}{unit}", f"{after - before:+,.3g}{unit}")
