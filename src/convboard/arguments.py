"""The `key=value` arguments of a script, read into a dataclass whose docstring is the script's help."""

import inspect
import json
import re
import shutil
import sys
from dataclasses import fields
from textwrap import fill
from typing import TypeVar, cast

from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from convboard.errors import ConfigError
from convboard.messages import explain_omegaconf

WIDEST = 100  # columns of the help

Arguments = TypeVar("Arguments")


def read_arguments(schema: type[Arguments]) -> Arguments:
    """Read `key=value` arguments of a script into the dataclass `schema`; `--help` tells what its docstring says.

    Raises:
        ConfigError: An argument is not `key=value`, unknown, missing, or of a wrong type; or `schema` refuses it.
    """
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(_help(schema))
        sys.exit(0)
    for argument in sys.argv[1:]:
        if "=" not in argument:
            names = " ".join(f"{field.name}=..." for field in fields(schema))  # type: ignore[arg-type]
            raise ConfigError(f"{argument!r} is not understood: give arguments as {names}")
    try:
        given = OmegaConf.merge(OmegaConf.structured(schema), OmegaConf.from_cli(sys.argv[1:]))
        return cast(Arguments, OmegaConf.to_object(given))
    except OmegaConfBaseException as error:
        raise explain_omegaconf(error, schema) from error


def _help(schema: type) -> str:
    """How the script is called, what it does, and each argument with its default and its meaning."""
    about, _, attributes = (inspect.getdoc(schema) or "").partition("\n\nAttributes:\n")
    meanings = dict(re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", attributes, re.MULTILINE))
    defaults = {field.name: field.default for field in fields(schema)}
    shown = {name: f"{name}={_plain(default)}" for name, default in defaults.items()}
    usage = " ".join(text if defaults[name] == MISSING else f"[{text}]" for name, text in shown.items())
    width, column = min(shutil.get_terminal_size().columns, WIDEST), max(map(len, shown.values())) + 4

    def row(name: str) -> str:
        first = f"  {shown[name]}".ljust(column)
        return fill(" ".join(meanings[name].split()), width, initial_indent=first, subsequent_indent=" " * column)

    paragraphs = [fill(f"usage: python {sys.argv[0]} {usage}", width, subsequent_indent="    ")]
    paragraphs += [fill(paragraph, width) for paragraph in about.split("\n\n")]
    return "\n\n".join([*paragraphs, "\n".join(map(row, shown))])


def _plain(default: object) -> str:
    """A default as one would type it."""
    return "..." if default == MISSING else default if isinstance(default, str) else json.dumps(default)
