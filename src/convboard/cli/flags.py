"""The flags of `train`, which are those of Hydra, at any place among the overrides."""

from collections.abc import Sequence
from typing import NamedTuple

from convboard.cli.arguments import COMMON_FLAGS, dashes_error
from convboard.config.schema import GROUPS
from convboard.errors import ConfigError, similar

_SHELLS = ("bash", "fish", "zsh")


class Flag(NamedTuple):
    """A flag.

    Attributes:
        name: Its long name.
        short: Its short name.
        takes: What its value may be; `*` for any value, empty for none.
        needs_value: Whether the value must be given; else it is the first of `takes`.
        refused: Why the flag cannot be used; empty if it can.
    """

    name: str
    short: str = ""
    takes: tuple[str, ...] = ()
    needs_value: bool = True
    refused: str = ""


FLAGS = (
    Flag("--multirun", "-m"),
    Flag("--run", "-r"),
    Flag("--dry-run"),
    Flag("--cfg", "-c", ("job", "hydra", "all")),
    Flag("--resolve"),
    Flag("--package", "-p", GROUPS),
    Flag("--info", "-i", ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"), needs_value=False),
    Flag("--config-dir", "-cd", ("*",)),
    Flag("--shell-completion", "-sc"),
    Flag("--hydra-help"),
    Flag("--config-name", "-cn", refused="write experiment=<name> for a preset of your own"),
    Flag("--config-path", "-cp", refused="write --config-dir=<folder> for a folder with options of your own"),
    Flag("--experimental-rerun", refused="write resume=<run dir> to go on with a run"),
)
_MODES = ("--multirun", "--run", "--cfg", "--info", "--shell-completion")  # of which Hydra takes one
_BY_NAME = {name: flag for flag in FLAGS for name in (flag.name, flag.short) if name}


def sort_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Separate the flags, as Hydra reads them, from the overrides. Hydra needs the flags first.

    Args:
        arguments: The arguments of the command line.

    Raises:
        ConfigError: A flag is not known or lacks its value, or a key is written like a flag.
    """
    flags, overrides = {}, []
    rest = [argument for argument in arguments if argument != "--"]
    while rest:
        argument = rest.pop(0)
        name, has_value, value = argument.partition("=")
        if not argument.startswith("-") or argument == "-":
            overrides.append(argument)
        elif (flag := _BY_NAME.get(name)) is None:
            raise _unknown(argument, rest)
        else:
            if not has_value and flag.takes and rest and _fits(flag, rest[0]):
                value = rest.pop(0)
            flags[flag.name] = _checked(flag, name, value)
    if "--shell-completion" in flags:
        _check_completion(overrides)
    if "--hydra-help" in flags:
        return ["--hydra-help"], []
    modes = [name for name in flags if name in _MODES]
    if len(modes) > 1:
        raise ConfigError(f"{modes[0]} and {modes[1]} cannot be used together. Omit one of them.")
    if "--dry-run" in flags:
        if "--multirun" not in flags:
            raise ConfigError("--dry-run shows what a sweep would run: add -m.")
        del flags["--dry-run"]
        overrides.append("sweep.dry_run=true")
    if "--cfg" not in flags and (useless := {"--resolve", "--package"} & flags.keys()):
        raise ConfigError(f"{sorted(useless)[0]} changes what --cfg prints: add --cfg=job.")
    return [f"{name}={value}" if value else name for name, value in flags.items()], overrides


def _unknown(argument: str, rest: Sequence[str]) -> ConfigError:
    """Return the error for an argument with dashes: a misspelt flag, or else a key."""
    names = [*(flag.name for flag in FLAGS), *COMMON_FLAGS]
    flag = next((name for name in names if len(argument) > 3 and name.startswith(argument)), similar(argument, names))
    if flag is not None and argument.startswith("--"):
        return ConfigError(f"{argument!r} is not a flag. Did you mean {flag}?")
    return dashes_error(argument, rest, flags=names)


def _fits(flag: Flag, value: str) -> bool:
    """Return whether the argument after a flag is its value: it must be, or it may be and is one of them."""
    return value in flag.takes or (flag.needs_value and not value.startswith("-"))


def _checked(flag: Flag, written: str, value: str) -> str:
    """Return the value of a flag."""
    if flag.refused:
        raise ConfigError(f"{written} cannot be used with convboard: {flag.refused}.")
    if value and not flag.takes:
        raise ConfigError(f"{written}={value}: {written} takes no value.")
    if flag.takes and (value not in flag.takes if flag.takes != ("*",) else not value) and (value or flag.needs_value):
        allowed = "a folder" if flag.takes == ("*",) else f"one of {', '.join(flag.takes)}"
        raise ConfigError(f"{written}{f'={value}' if value else ''}: {written} needs {allowed}.")
    return value or (flag.takes[0] if flag.takes else "")


def _check_completion(overrides: Sequence[str]) -> None:
    """Check the arguments of -sc. The installed shell functions give `query`."""
    asked = [argument.partition("=") for argument in overrides]
    commands = [shell for key, _, shell in asked if key in ("install", "uninstall", "query")]
    if len(commands) != 1 or commands[0] not in _SHELLS:
        raise ConfigError(f"-sc needs install=<shell> or uninstall=<shell>; the shells are {', '.join(_SHELLS)}.")
