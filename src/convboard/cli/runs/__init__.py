"""Commands on the runs of a folder: `python scripts/runs.py COMMAND [FOLDER ...] [key=value ...]`.

Each command is a file here with a dataclass `Arguments`, whose docstring is its help, and a function `main`. It is
imported only when it is called.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import fields
from importlib import import_module
from os import path
from types import ModuleType

from convboard.cli import command_help
from convboard.cli.arguments import read_arguments
from convboard.config.command_line import command
from convboard.errors import ConfigError, nearest

COMMANDS = {
    "list": "a row for each run or setting: state, what differs, objective, test metric, epochs, time",
    "show": "all that is known of a run: reason, results, config, environment, commands",
    "best": "the best setting, its runs, the command that repeats it, and the checkpoint to use",
    "compare": "two settings: which is better, by how much, and whether that is more than chance",
    "diff": "what differs between two runs: config, environment, code and result",
    "plot": "figures: objective against each key, heat map, parallel coordinates, curves, importance",
    "export": "a table for a report or a program (CSV, JSON, Parquet, Markdown, LaTeX), or all for a tracker",
    "pictures": "the pictures of the best runs for TensorBoard, which sweeps of many runs are trained without",
    "rm": "move runs into a trash folder, and back",
}
_USAGE = """usage: {program} COMMAND [FOLDER ...] [key=value ...]

Look at the runs of a folder: a sweep, a run directory, or any folder that contains some; outputs if none is given.

{commands}

{program} COMMAND --help explains every key of a command."""
_KEY = re.compile(r"[A-Za-z_][\w.]*")


def main() -> None:
    """Run one of the commands."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        if not arguments:
            raise ConfigError(f"no command is given.\n\n{_usage()}")
        print(_usage())
        return
    name, *rest = arguments
    if name not in COMMANDS:
        raise ConfigError(f"{name!r} is not a command of {command('runs')}. {nearest(name, COMMANDS)}")
    module = command_module(name)
    if command_help.is_asked_for():
        print(command_help.script_help(module.Arguments, "runs", name, "[FOLDER ...]"))
        return
    paths, given = split_paths(rest, [field.name for field in fields(module.Arguments)])
    module.main(paths, read_arguments(module.Arguments, "runs", given))


def command_module(name: str) -> ModuleType:
    """Return the module of a command."""
    return import_module(f"convboard.cli.runs.{name}")


def split_paths(arguments: Sequence[str], keys: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return which arguments are paths, and which are `key=value`.

    The name of a run of a sweep has equals signs, as in `optimizer.lr=0.1,seed=1`. So what exists as a path is one,
    unless it begins with a key of the command. `--key value` and `--key=value` are understood as `key=value`.

    Args:
        arguments: The arguments.
        keys: The keys of the command.

    Raises:
        ConfigError: A key is not known.
    """
    paths, given, rest = [], [], [*arguments]  # `list` is the module of a command here
    while rest:
        argument = rest.pop(0)
        if argument.startswith("--"):
            argument = _without_dashes(argument, rest)
        key, has_value, _ = argument.partition("=")
        if has_value and key in keys:
            given.append(argument)
        elif not has_value or "/" in argument or path.lexists(argument) or not _KEY.fullmatch(key):
            paths.append(argument)
        else:
            raise ConfigError(f"{key} is no key of this command, and {argument} no folder. {nearest(key, keys)}")
    return paths, given


def _without_dashes(argument: str, rest: list[str]) -> str:
    """Return `older_than=7d` for `--older-than=7d`, or for `--older-than` with the value behind it."""
    key, has_value, value = argument[2:].partition("=")
    if not has_value and rest and not rest[0].startswith("--"):
        value = rest.pop(0)
    return f"{key.replace('-', '_')}={value}"


def _usage() -> str:
    width = max(map(len, COMMANDS)) + 2
    listed = "\n".join(f"  {name:{width}}{about}" for name, about in COMMANDS.items())
    return _USAGE.format(program=command("runs"), commands=listed)
