"""The command `convboard`, and the scripts of a checkout, which are its subcommands."""

import sys
from importlib import import_module
from importlib.metadata import version
from typing import NoReturn

from convboard.cli import completion
from convboard.errors import ConfigError, nearest
from convboard.training import signals

COMMANDS = {
    "train": "train a network, or with -m every combination of several values",
    "layers": "show a network as a table: shapes, parameters, receptive fields",
    "evaluate": "evaluate the best network of a finished run again",
    "feature-maps": "draw what a network makes of a picture of your own",
}
_USAGE = """usage: convboard COMMAND [key=value ...]

convboard trains convolutional networks and shows everything about them in TensorBoard.

{commands}

convboard COMMAND --help explains every key of a command; convboard --version prints the version.
tensorboard --logdir outputs shows the runs."""


def main(command: str | None = None) -> NoReturn:
    """Run a command, and end the process with its exit code.

    Args:
        command: One of `COMMANDS`. None takes the first argument of the command line.
    """
    signals.exit_at_once()  # before anything is imported that takes its time
    if {"-V", "--version"} & set(sys.argv[1:]):
        print(f"convboard {version('convboard')}")
        sys.exit(0)
    if command is None:
        command = _command_of(sys.argv[1:])
        if sys.argv[1] == command:
            del sys.argv[1]
    from convboard.cli import frame  # imports Hydra, which is not needed for --help and --version

    if command not in COMMANDS:
        frame.run(lambda: _refuse(command))
    frame.run(import_module(f"convboard.cli.{command.replace('-', '_')}").main)


def _refuse(command: str) -> NoReturn:
    raise ConfigError(f"{command!r} is not a command. {nearest(command, COMMANDS)}")


def _command_of(arguments: list[str]) -> str:
    """The first argument. Without one, and for --help, print and end."""
    first = arguments[0] if arguments else "--help"
    if first in COMMANDS:
        return first
    if first in completion.FLAGS:
        if not completion.complete(COMMANDS):
            sys.exit(0)
        return "train"
    if first in ("-h", "--help"):
        width = max(map(len, COMMANDS)) + 2
        print(_USAGE.format(commands="\n".join(f"  {name:{width}}{about}" for name, about in COMMANDS.items())))
        sys.exit(0 if arguments else 2)
    return first
