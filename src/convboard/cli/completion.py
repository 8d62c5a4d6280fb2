"""Shell completion of `convboard`. Hydra completes the arguments of `train`, but knows no subcommands."""

import os
import sys
from collections.abc import Iterable
from dataclasses import fields
from importlib import import_module

FLAGS = ("-sc", "--shell-completion")
_TAKE_A_CONFIG = ("layers", "feature-maps")  # they also have the keys of train


def complete(commands: Iterable[str]) -> bool:
    """Answer the shell function that Hydra installs if Hydra cannot.

    Args:
        commands: The subcommands.

    Returns:
        Whether Hydra has to answer. `COMP_LINE` is then that of a program without subcommands.
    """
    line = os.environ.get("COMP_LINE", "")
    if not any(argument.startswith("query=") for argument in sys.argv):
        return True  # install or uninstall
    program, *words = line.split()
    if not words or (len(words) == 1 and not line.endswith(" ")):
        print("\n".join(name for name in commands if name.startswith("".join(words))))
        return False
    command, *arguments = words
    os.environ["COMP_LINE"] = " ".join([program, *arguments, *([""] if line.endswith(" ") else [])])
    if command == "train" or command not in commands:
        return command == "train"
    typed = "" if line.endswith(" ") else words[-1]
    if command == "runs":
        return _complete_runs(arguments, typed)
    own = fields(import_module(f"convboard.cli.{command.replace('-', '_')}").Arguments)
    keys = [f"{key.name}=" for key in own if f"{key.name}=".startswith(typed)]
    if keys:
        print("\n".join(keys))
    return command in _TAKE_A_CONFIG and not keys


def _complete_runs(arguments: list[str], typed: str) -> bool:
    """Complete the commands on runs, and their keys. Folders are left to the shell."""
    runs = import_module("convboard.cli.runs")
    names: list[str] = []
    if not arguments or (len(arguments) == 1 and typed):
        names = [*runs.COMMANDS]
    elif arguments[0] in runs.COMMANDS:
        names = [f"{key.name}=" for key in fields(runs.command_module(arguments[0]).Arguments)]
    print("\n".join(name for name in names if name.startswith(typed)))
    return False
