"""All that is known of a run: `python scripts/runs.py show outputs/sweeps/SWEEP#3`."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from convboard.cli.runs.columns import format_time
from convboard.cli.runs.running import unlocking
from convboard.cli.runs.selection import load
from convboard.cli.runs.text_table import one_line
from convboard.config.command_line import assignment, command, format_value, tensorboard
from convboard.config.objectives import format_metric
from convboard.errors import ConfigError
from convboard.experiment.console import shown_path
from convboard.experiment.run_files import CHECKPOINTS
from convboard.results.durations import age_text
from convboard.results.run_row import RunRow
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.sweep_folder import LOG

_MOST = 10  # runs


@dataclass
class Arguments:
    """Show all that is known of a run: how it ended and why, its results, its config, and the commands for it.

    Give a run directory, or the folder of a sweep with the number of a run, as in outputs/sweeps/SWEEP#3.

    Attributes:
        where: A condition on the runs, such as 'state=failed'; null: all that are given.
    """

    where: str | None = None


def main(paths: list[str], arguments: Arguments) -> None:
    """Print what is known of each run."""
    table = load(paths, arguments.where)
    if len(table) > _MOST:
        raise ConfigError(
            f"These are {len(table):,} runs, and show is for a few: give a run directory, SWEEP#3, or where=. "
            f"{command('runs', 'list')} shows many."
        )
    print("\n\n".join("\n".join(_shown(row)) for row in table))


def _shown(row: RunRow) -> Iterator[str]:
    """Yield the lines on a run."""
    yield one_line(shown_path(row.path)) + ("" if row.number is None else f" (#{row.number})")
    told = {name: text for name, text in _told(row).items() if text}
    yield from (f"{f'{name}:':<12}{text}" for name, text in told.items())
    for title, values in (("config", _by_group(row.config)), ("environment", row.environment)):
        if values:
            width = max(map(len, values))
            yield f"\n{title}:"
            yield from (f"  {one_line(key):<{width}}  {one_line(format_value(value))}" for key, value in values.items())


def _by_group(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config with the option of each group, such as `model`, before the keys of the group."""
    groups = {group: at for at, group in enumerate(dict.fromkeys(key.partition(".")[0] for key in config))}
    return {key: config[key] for key in sorted(config, key=lambda key: (groups[key.partition(".")[0]], "." in key))}


def _told(row: RunRow) -> dict[str, str]:
    """Return what is said of a run, by its label; empty texts for what is not known."""
    epochs = "" if row.epochs is None else f"{row.epochs} of {row.max_epochs or '?'}"
    log = row.path / LOG
    return {
        "state": f"{row.state}: {one_line(row.reason)}" if row.reason else str(row.state),
        "if killed": one_line(unlocking(row)) if row.state == State.RUNNING and row.reason else "",
        "setting": one_line(" ".join(f"{key}={text}" for key, text in row.swept.items())),
        "result": ", ".join(f"{tag} {format_metric(tag, value)}" for tag, value in row.metrics.items()),
        "epochs": epochs,
        "time": "" if row.seconds is None else f"{row.seconds:,.1f} s of training and evaluation",
        "started": _when(row.started),
        "ended": _when(row.ended),
        "repeat it": one_line(row.command),
        "go on": _resume(row),
        "checkpoint": _if_there(row, f"{CHECKPOINTS}/best.safetensors"),
        "log": _if_there(row, LOG) if log.name else "",
        "look at it": one_line(tensorboard(shown_path(row.path))) if row.path.exists() else "",
    }


def _when(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{format_time(seconds)}, {age_text(time.time() - seconds)} ago"


def _resume(row: RunRow) -> str:
    """Return the command that goes on with a run that has not ended as it should."""
    if row.state not in (State.INTERRUPTED, State.FAILED):
        return ""
    if row.sweep is None:
        return one_line(command("train", assignment("resume", shown_path(row.path))))
    retry = [f"sweep.retry={row.number}"] if row.state == State.FAILED else []
    return one_line(command("train", "-m", assignment("sweep.resume", shown_path(row.sweep)), *retry))


def _if_there(row: RunRow, name: str) -> str:
    path = row.path / name
    return one_line(shown_path(path)) if path.exists() else ""
