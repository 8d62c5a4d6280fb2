"""Errors of Hydra and OmegaConf in one sentence: the key, the given value, the allowed values, the remedy.

The checks of values are in `schema`; how a command ends is in `cli.frame`.
"""

import errno
import re
import sys
import traceback
import types
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)
from yaml import Mark, MarkedYAMLError

from convboard.config.command_line import command
from convboard.config.memory_errors import explain_memory
from convboard.config.synonyms import KEYS
from convboard.errors import ConfigError, ConvboardError, RunError, nearest, similar

_ABOUT_A_PATH = {  # errors of the file system that are about the user's path, disk or permissions, and no bug
    *(errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENOTDIR, errno.EISDIR),
    *(errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ESTALE, errno.EIO),
}
MORE = ("experiment", "repeat")  # they are given like keys, and stand for several
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", dict: "key: value pairs"}


def explain(error: Exception, schema: type, overrides: Sequence[str] | None = None) -> ConvboardError | None:
    """Explain a user's mistake.

    Args:
        error: An error raised while a config was composed, or by a run.
        schema: The dataclass of the config.
        overrides: The overrides of the config; None: the arguments of the command line.

    Returns:
        An error with the message for the user, or None if `error` is a bug.
    """
    if isinstance(error, ConvboardError):
        return error
    overrides = sys.argv[1:] if overrides is None else overrides
    keyless = [argument for argument in overrides if argument.startswith("=")]
    if keyless:  # Hydra reads it as a group without a name
        return ConfigError(f"{keyless[0]!r} is not understood: write key=value, such as trainer.max_epochs=3.")
    match error:
        case MissingConfigException():
            return _missing_option(error)
        case OverrideParseException():
            return _malformed(error.override)
        case ConfigCompositionException(__cause__=OmegaConfBaseException() as cause):
            return explain_omegaconf(cause, schema, MORE)
        case ConfigCompositionException():
            return _composition(error)
        case OmegaConfBaseException():
            return explain_omegaconf(error, schema, MORE)
        case HydraException():
            return ConfigError(_one_line(error))
        case MarkedYAMLError(problem_mark=Mark() as mark):
            where = f"{mark.name}, line {mark.line + 1}, column {mark.column + 1}"
            return ConfigError(f"{where}: this is not YAML: {error.problem}. Correct that line or the one before it.")
        case ValueError() if str(error).startswith("Exceeds the limit"):  # of Python, for the digits of a number
            return ConfigError(f"{_longest(overrides)}: the number has too many digits.")
        case OverflowError() if _is_in(error, "omegaconf"):
            return ConfigError(f"{_longest(overrides)}: the number is too large.")
        case RecursionError() if _is_in(error, "antlr4", "omegaconf", "hydra", "yaml"):
            return ConfigError(f"{_longest(overrides)}: lists or {{key: value}} are nested too deeply.")
        case MemoryError() | RuntimeError() | ValueError() if (memory := explain_memory(error)) is not None:
            return memory
        case ValueError() | TypeError() if _is_in(error, "hydra") and not isinstance(error, HydraException):
            return _not_an_option(error, schema, overrides)
        case OSError(filename=str() as path) if _raised_by_hydra(error):
            return RunError(
                f"The run directory {path} cannot be made: {error.strerror}. "
                "Choose another with hydra.run.dir=<folder>, or hydra.sweep.dir=<folder> for a sweep."
            )
        case OSError(filename=str() | Path() as path, errno=number) if number in _ABOUT_A_PATH:
            return RunError(f"{path} cannot be used: {error.strerror}.")
    return None


def explain_omegaconf(error: OmegaConfBaseException, schema: type, more: Sequence[str] = ()) -> ConfigError:
    """Return an error of OmegaConf, whose message has four lines, in one sentence.

    Args:
        error: The error.
        schema: The dataclass of the config.
        more: What can be given beside the keys of the schema.
    """
    key = str(error.full_key or "")
    first_line = str(error).splitlines()[0].rstrip(".")
    if key.split(".")[0] == "hydra":
        return ConfigError(f"{key}: {first_line}. {command('train', '--hydra-help')} lists what Hydra takes.")
    match error:
        case ConfigAttributeError() | ConfigKeyError():
            return ConfigError(unknown_key(key, schema, more))
        case InterpolationResolutionError():
            return ConfigError(
                f"{key}: {first_line}. ${{name}} takes the value of another key, ${{trainer.device}} say."
            )
        case MissingMandatoryValue():
            return ConfigError(f"{key} is not set. Add {key}=<value>.")
        case ValidationError() if (hint := dict(_keys(schema)).get(key)) is not None:
            return ConfigError(_wrong_type(key, first_line, _allowed(hint)))
    return ConfigError(f"{key}: {first_line}." if key else f"{first_line}.")


def unknown_key(key: str, schema: type, more: Sequence[str] = ()) -> str:
    """Return the message for a key that `schema` does not have, with the nearest key of any group.

    Args:
        key: The key.
        schema: The dataclass of the config.
        more: What can be given beside the keys of the schema.
    """
    known = dict(_keys(schema))
    if key in (renamed := renamed_keys(schema)):
        return f"{key} is now called {renamed[key]}."
    if key in known:
        return f"{key} cannot be removed: every run has one."
    group = key.rpartition(".")[0]
    beside = [name.rpartition(".")[2] for name in known if name.rpartition(".")[0] == group]
    allowed = f"Allowed{f' in {group}' if group else ''}: {', '.join(sorted([*beside, *(() if group else more)]))}."
    return unknown_key_message(key, similar_key(key, schema, more), allowed)


def similar_key(key: str, schema: type, more: Sequence[str] = ()) -> str | None:
    """Return the key that was probably meant by `key`, or None.

    Args:
        key: What the user wrote, with or without the group, in whatever words.
        schema: The dataclass of the config.
        more: What can be given beside the keys of the schema.
    """
    group, _, last = key.replace("-", "_").rpartition(".")
    known = [*(name for name, _ in _keys(schema)), *more]
    beside = {name.rpartition(".")[2]: name for name in known if name.rpartition(".")[0] == group}
    anywhere = {name.rpartition(".")[2]: name for name in reversed(known)}  # the first one of several counts
    for names in (beside, anywhere):
        if last in names:
            return names[last]
    if last.lower() in KEYS:
        return KEYS[last.lower()]
    return next((names[near] for names in (beside, anywhere) if (near := similar(last, names)) is not None), None)


def unknown_key_message(key: str, near: str | None, allowed: str) -> str:
    """Return the message for a key that is not known.

    Args:
        key: The key.
        near: The key that was probably meant.
        allowed: A sentence that lists the known keys.
    """
    question = f"Did you mean {near!r}? " if near else ""
    return f"{key} is not a known key. {question}{allowed}"


def renamed_keys(schema: type, prefix: str = "") -> dict[str, str]:
    """Return the new names of keys by their old ones, from the `metadata` of the fields."""
    renamed = {}
    for field in fields(schema):
        if "formerly" in field.metadata:
            renamed[f"{prefix}{field.metadata['formerly']}"] = f"{prefix}{field.name}"
        if is_dataclass(field.type) and isinstance(field.type, type):
            renamed |= renamed_keys(field.type, f"{prefix}{field.name}.")
    return renamed


def _keys(schema: type, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every key of a schema with its type; of an open group, those in the `metadata` of its field."""
    hints = get_type_hints(schema)
    for field in fields(schema):
        hint = hints[field.name]
        yield f"{prefix}{field.name}", hint
        if is_dataclass(hint):
            assert isinstance(hint, type)
            yield from _keys(hint, f"{prefix}{field.name}.")
        for name in field.metadata.get("keys", ()):
            yield f"{prefix}{field.name}.{name}", Any


def _allowed(hint: Any) -> str:
    """Return a type in words, such as `a whole number, or null`."""
    if get_origin(hint) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not type(None)]
        return f"{_allowed(kinds[0])}, or null"
    return _KINDS.get(get_origin(hint) or hint, "a group of keys")


def _wrong_type(key: str, complaint: str, allowed: str) -> str:
    """Return the message for a value of a wrong type, from the first line of OmegaConf's error."""
    found = re.match(r"Value '(.*)' .*\btype '?(\w+)", complaint)
    collection = re.match(r"Cannot convert '\w+' to string: '(.*)'", complaint)
    if collection is not None:
        return f"{key}={collection[1]}: must be {allowed}."
    if found is None:  # "Field 'seed' is not Optional"
        return f"{key}=null: must be {allowed}."
    value, kind = found.groups()
    if kind == "dict":  # batch_size.train=3
        return f"{key} holds no further keys: it is {allowed}."
    return f"{key}={value!r}: must be {allowed}." if kind == "str" else f"{key}={value}: must be {allowed}."


def _missing_option(error: MissingConfigException) -> ConfigError:
    """Explain an option that is not in its group: `model=lenett`."""
    group, _, option = (error.missing_cfg_file or "").rpartition("/")
    if error.options is None or not group:
        return ConfigError(_one_line(error))
    return ConfigError(f"{group}={option!r} is not known. {nearest(option, error.options)}")


def _malformed(override: str) -> ConfigError:
    """Explain an override without a value, or with one that is not in Hydra's grammar."""
    if "=" not in override:
        return ConfigError(f"{override!r} is not understood: write key=value, such as trainer.max_epochs=3.")
    key, _, value = override.partition("=")
    if re.fullmatch(r"\(.*,.*\)", value):
        return ConfigError(f"{override!r} is not understood: write a list as {key}=[{value[1:-1].rstrip(',')}].")
    return ConfigError(
        f"{override!r} is not understood: its value is neither a number nor a text, [list] or {{key: value}}. "
        f"Put a text with special characters into quotes of both kinds: '{key}=\"...\"'."
    )


def _composition(error: ConfigCompositionException) -> ConfigError:
    """Explain overrides that Hydra itself refuses."""
    twice = re.match(r"Multiple values for (\w+)", str(error))
    if twice is not None:
        return ConfigError(f"{twice.group(1)} is chosen already. To choose another leave out the +.")
    several = re.search(r"Ambiguous value for argument '(.*)'", str(error))
    if several is None:
        return ConfigError(_one_line(error))
    key, _, values = several.group(1).partition("=")
    return ConfigError(
        f"{key}={values} gives several values. To run each of them add -m; to give a list write {key}=[{values}]; to "
        f"give a text with a comma in it write '{key}=\"{values}\"'."
    )


def _not_an_option(error: Exception, schema: type, overrides: Sequence[str]) -> ConfigError:
    """Explain `model=3`: Hydra expects the name of an option, but its error does not name the group."""
    groups = {key for key, hint in _keys(schema) if "." not in key and (is_dataclass(hint) or get_origin(hint) is dict)}
    groups.add("experiment")
    for argument in overrides:
        key, _, value = argument.partition("=")
        if key in groups and re.fullmatch(r"null|true|false|[-+.\d\[{].*", value, re.IGNORECASE):
            return ConfigError(f"{argument}: choose one of conf/{key} by its name, as in {key}=<name>.")
    return ConfigError(_one_line(error))


def _one_line(error: Exception) -> str:
    """Return a message of several lines in one, without links to the manual of Hydra."""
    lines = (line.strip() for line in str(error).splitlines())
    return " ".join(line for line in lines if line and not line.startswith("See https://"))


def _longest(overrides: Sequence[str]) -> str:
    """Return the key of the longest override, which is the one that Python could not take."""
    return max(overrides, key=len, default="").partition("=")[0]


def _is_in(error: Exception, *packages: str) -> bool:
    """Return whether the code that raised an error belongs to one of some packages."""
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    return any(package in Path(frames[0].filename).parts for package in packages)


def _raised_by_hydra(error: OSError) -> bool:
    """Return whether Hydra raised the error while it created a directory."""
    frames = traceback.extract_tb(error.__traceback__)
    callers = [frame.filename for frame in frames if not frame.filename.endswith(("pathlib.py", "os.py"))]
    makes = any(frame.name in ("mkdir", "makedirs") for frame in frames)
    return makes and bool(callers) and re.search(r"\bhydra\b", callers[-1]) is not None
