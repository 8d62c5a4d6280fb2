"""Commands on the runs of a folder: `python scripts/runs.py COMMAND [FOLDER ...] [key=value ...]`.

Each command is a file here with a dataclass `Arguments`, whose docstring is its help, and a function `main`. It is
imported only when it is called.
"""

import sys
from importlib import import_module
from types import ModuleType

from convboard.cli.runs.keys import keys_of, read_keys, split_paths
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
    if {"-h", "--help"} & set(rest):
        from convboard.cli.command_help import script_help  # deferred for start-up time: it imports Hydra

        print(script_help(module.Arguments, "runs", name, "[FOLDER ...]"))
        return
    paths, given = split_paths(rest, keys_of(module.Arguments))
    module.main(paths, read_keys(module.Arguments, given))


def command_module(name: str) -> ModuleType:
    """Return the module of a command."""
    return import_module(f"convboard.cli.runs.{name}")


def _usage() -> str:
    width = max(map(len, COMMANDS)) + 2
    listed = "\n".join(f"  {name:{width}}{about}" for name, about in COMMANDS.items())
    return _USAGE.format(program=command("runs"), commands=listed)
