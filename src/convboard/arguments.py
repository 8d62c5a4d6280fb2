"""The `key=value` arguments of a script, read into a dataclass whose docstring is the script's help."""

import inspect
import json
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import fields
from textwrap import fill
from typing import TypeVar, cast, get_type_hints

from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from convboard.errors import ConfigError
from convboard.invocation import python
from convboard.messages import explain_omegaconf

WIDEST = 100  # columns of the help

Arguments = TypeVar("Arguments")


def read_arguments(schema: type[Arguments], arguments: Sequence[str] | None = None) -> Arguments:
    """Read `key=value` arguments of a script into the dataclass `schema`; `--help` tells what its docstring says.

    Args:
        schema: Its keys; what is a text there is taken as it is written.
        arguments: Those to read; None reads those of the command line.

    Raises:
        ConfigError: An argument is not `key=value`, unknown, missing, or of a wrong type; or `schema` refuses it.
    """
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(_help(schema))
        sys.exit(0)
    arguments = sys.argv[1:] if arguments is None else arguments
    for argument in arguments:
        if "=" not in argument:
            names = " ".join(f"{field.name}=..." for field in fields(schema))  # type: ignore[arg-type]
            raise ConfigError(f"{argument!r} is not understood: give arguments as {names}")
    try:
        texts, others = _texts(schema, arguments)
        given = OmegaConf.merge(OmegaConf.structured(schema), OmegaConf.from_cli(others), texts)
        return cast(Arguments, OmegaConf.to_object(given))
    except OmegaConfBaseException as error:
        raise explain_omegaconf(error, schema) from error


def _texts(schema: type, arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """What is given for keys that hold a text, and the other arguments; a path or a glob need not be YAML."""
    hints = get_type_hints(schema)
    texts, others = {}, []
    for argument in arguments:
        key, _, value = argument.partition("=")
        if hints.get(key) in (str, str | None) and value not in ("", "null") and "${" not in value:
            texts[key] = value
        else:
            others.append(argument)
    return texts, others


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

    paragraphs = [fill(f"usage: {python()} {sys.argv[0]} {usage}", width, subsequent_indent="    ")]
    paragraphs += [fill(paragraph, width) for paragraph in about.split("\n\n")]
    return "\n\n".join([*paragraphs, "\n".join(map(row, shown))])


def _plain(default: object) -> str:
    """A default as one would type it."""
    return "..." if default == MISSING else default if isinstance(default, str) else json.dumps(default)
