"""The command `convboard`, and the scripts of a checkout, which are its subcommands."""

import shlex
import sys
from importlib import import_module
from importlib.metadata import version
from typing import NoReturn

from convboard.cli import completion, streams
from convboard.config.current_folder import leave_sys_path, load_cusparselt
from convboard.errors import ConfigError, nearest
from convboard.training import signals

COMMANDS = {
    "train": "train a network, or with -m every combination of several values",
    "layers": "show a network as a table: shapes, parameters, receptive fields",
    "evaluate": "evaluate the best network of a finished run again",
    "feature-maps": "draw what a network makes of a picture of your own",
    "runs": "list the runs of a folder",
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
    try:
        leave_sys_path()
    except FileNotFoundError:
        print("convboard: the current folder was deleted. Change to another one with cd.", file=sys.stderr)
        sys.exit(2)
    streams.prepare()
    signals.exit_at_once()  # before anything is imported that takes its time
    from convboard.cli import frame

    frame.run(lambda: _run(command))


def _run(command: str | None) -> None:
    """Run a command, or print the version, the help or a completion."""
    arguments = sys.argv[1:]
    if {"-V", "--version"} & set(arguments):
        print(f"convboard {version('convboard')}")
    elif command is not None:
        _start(command)
    elif not arguments:
        raise ConfigError(f"no command is given.\n\n{_usage()}")
    elif arguments[0] in ("-h", "--help"):
        print(_usage())
    elif arguments[0] not in completion.FLAGS:
        del sys.argv[1]
        _start(arguments[0])
    elif completion.complete(COMMANDS):
        _start("train")


def _start(command: str) -> None:
    """Import a command, which may take its time, and run it."""
    if "=" in command:
        raise ConfigError(f"{command!r} is no command but a key: write convboard train {shlex.quote(command)}.")
    if command not in COMMANDS:
        raise ConfigError(f"{command!r} is not a command. {nearest(command, COMMANDS)}")
    load_cusparselt()
    import_module(f"convboard.cli.{command.replace('-', '_')}").main()


def _usage() -> str:
    width = max(map(len, COMMANDS)) + 2
    return _USAGE.format(commands="\n".join(f"  {name:{width}}{about}" for name, about in COMMANDS.items()))
