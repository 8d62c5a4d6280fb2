"""Errors of Hydra and OmegaConf in one sentence: the key, the given value, the allowed values, the remedy.

The checks of values are in `schema`; how a command ends is in `cli.frame`.
"""

import errno
import re
import sys
import traceback
import types
from collections.abc import Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    ConfigTypeError,
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)
from yaml import Mark, MarkedYAMLError

from convboard.config.command_line import command
from convboard.config.current_folder import classes_of
from convboard.config.known_keys import MORE, keys, unknown_key
from convboard.config.memory_errors import explain_memory
from convboard.config.override_values import without_blanks
from convboard.errors import ConfigError, ConvboardError, RunError, nearest

_ABOUT_A_PATH = {  # errors of the file system that are about the user's path, disk or permissions, and no bug
    *(errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENOTDIR, errno.EISDIR),
    *(errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ESTALE, errno.EIO),
}
_DIGIT, _OPENING = re.compile(r"\d"), re.compile(r"[\[{(]")
_NO_INDEX = re.compile("(?:base 10: |Index )'(.*?)'")  # of OmegaConf, for a key of a list
_SPAN = re.compile(r"(\d{1,9})(?:-|\.\.\.?|:)(\d{1,9})")  # such as 1-5 or 1..5
_MANY = 40  # fewer digits make no number too large, and fewer brackets are not nested too deeply
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
    if isinstance(error, HydraException) and (meant := without_blanks(overrides)):
        return ConfigError(f"Write {meant}, without blanks around the equals sign.")
    keyless = [argument for argument in overrides if argument.startswith("=")]
    if keyless:  # Hydra reads it as a group without a name
        return ConfigError(f"{keyless[0]!r} is not understood: write key=value, such as trainer.max_epochs=3.")
    match error:
        case MissingConfigException():
            return _missing_option(error)
        case OverrideParseException():
            return _malformed(error)
        case ConfigCompositionException(__cause__=OmegaConfBaseException() as cause):
            return explain_omegaconf(cause, schema, MORE)
        case ConfigCompositionException():
            return _composition(error)
        case OmegaConfBaseException():
            return explain_omegaconf(error, schema, MORE)
        case HydraException():
            return ConfigError(_one_line(error))
        case MarkedYAMLError(problem_mark=Mark() as mark):
            if error.context_mark is not None and "flow" in str(error.context):  # a bracket that is not closed
                mark = error.context_mark
                where = f"{mark.name}, line {mark.line + 1}, column {mark.column + 1}"
                return ConfigError(
                    f"{where}: this is not YAML: the bracket opened here is not closed, or lacks a comma."
                )
            where = f"{mark.name}, line {mark.line + 1}, column {mark.column + 1}"
            return ConfigError(f"{where}: this is not YAML: {error.problem}. Correct that line or the one before it.")
    return _explain_python(error, schema, overrides)


def _explain_python(error: Exception, schema: type, overrides: Sequence[str]) -> ConvboardError | None:
    """Explain an error of Python, torch or the system, as `explain` does."""
    match error:
        case ValueError() if str(error).startswith("Exceeds the limit"):  # of Python, for the digits of a number
            return ConfigError(f"{_place_of(_DIGIT, overrides)}: the number has too many digits.")
        case ValueError() | TypeError() if _is_in(error, "omegaconf") and (word := _NO_INDEX.search(str(error))):
            key = next((text for text in overrides if f".{word[1]}" in text), "").partition("=")[0]
            parent = key.lstrip("+").partition(f".{word[1]}")[0]
            return ConfigError(f"{key}: {parent} is a list, which has no keys. Give all of it, as in {parent}=[...].")
        case OverflowError() if _is_in(error, "omegaconf"):
            return ConfigError(f"{_place_of(_DIGIT, overrides)}: the number is too large.")
        case RecursionError() if _is_in(error, "antlr4", "omegaconf", "hydra", "yaml"):
            return ConfigError(f"{_place_of(_OPENING, overrides)}: lists or {{key: value}} are nested too deeply.")
        case MemoryError() | RuntimeError() | ValueError() | ImportError() if memory := explain_memory(error):
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
    whole = key.partition("[")[0]  # of an item of a list
    first_line = str(error).splitlines()[0].rstrip(".")
    if key.split(".")[0] == "hydra":
        return ConfigError(f"{key}: {first_line}. {command('train', '--hydra-help')} lists what Hydra takes.")
    match error:
        case ConfigAttributeError() | ConfigKeyError():
            return ConfigError(unknown_key(key, schema, more))
        case ConfigTypeError() if "deletion" in first_line:  # ~trainer.max_epochs
            return ConfigError(unknown_key(key, schema, more))
        case InterpolationResolutionError():
            return ConfigError(
                f"{key}: {first_line}. ${{name}} takes the value of another key, ${{trainer.device}} say."
            )
        case MissingMandatoryValue():
            return ConfigError(f"{key} is not set. Add {key}=<value>.")
        case _ if get_origin(dict(keys(schema)).get(whole)) is list:
            return ConfigError(f"{whole}: must be a list, as in {whole}=[one,two].")
        case ValidationError() if (hint := dict(keys(schema)).get(key)) is not None:
            return ConfigError(_wrong_type(key, first_line, _allowed(hint)))
    return ConfigError(f"{key}: {first_line}." if key else f"{first_line}.")


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
    if value.startswith("[") and "," in value and kind != "str":
        values = value.replace(", ", ",")
        return f"{key}={values}: must be {allowed}. To run each of these values: -m {key}={values[1:-1]}."
    if kind == "str" and (span := _SPAN.fullmatch(value)) is not None:
        run_each = f"-m {key}=range({span[1]},{int(span[2]) + 1})"
        return f"{key}={value!r}: must be {allowed}. To run each from {span[1]} to {span[2]}: {run_each}."
    return f"{key}={value!r}: must be {allowed}." if kind == "str" else f"{key}={value}: must be {allowed}."


def _missing_option(error: MissingConfigException) -> ConfigError:
    """Explain an option that is not in its group: `model=lenett`."""
    group, _, option = (error.missing_cfg_file or "").rpartition("/")
    if error.options is None or not group:
        return ConfigError(_one_line(error))
    classes = classes_of(option) if group == "model" else []
    if classes:
        meant = " or ".join(f"{group}._target_={name}" for name in classes[:3])
        return ConfigError(f"{group}={option!r} is not known. For a class of your own write {meant}.")
    return ConfigError(f"{group}={option!r} is not known. {nearest(option, error.options)}")


def _malformed(error: OverrideParseException) -> ConfigError:
    """Explain an override without a value, or with one that is not in Hydra's grammar."""
    override = error.override
    called = re.search(r"while evaluating '(.*?)': ([^\n]*(?:\nAvailable: [^\n]*)?)", str(error), re.DOTALL)
    if called is not None:  # a function of Hydra, such as interval(1)
        reason = called[2].replace("\n", ". ").replace(",", ", ")
        return ConfigError(f"{override!r} is not understood: {called[1]}: {reason}.")
    if "=" not in override:
        return ConfigError(f"{override!r} is not understood: write key=value, such as trainer.max_epochs=3.")
    key, _, value = override.partition("=")
    if re.fullmatch(r"\(.*,.*\)", value):
        return ConfigError(f"{override!r} is not understood: write a list as {key}=[{value[1:-1].rstrip(',')}].")
    if re.search(r"^,|,\s*(,|$)", value):
        return ConfigError(f"{override!r} is not understood: a value is missing beside a comma.")
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
    groups = {key for key, hint in keys(schema) if "." not in key and (is_dataclass(hint) or get_origin(hint) is dict)}
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


def _place_of(kind: re.Pattern[str], overrides: Sequence[str]) -> str:
    """Return the key of the override with the most characters of a kind; if none has many, the value is in a file."""
    most = max(overrides, key=lambda override: len(kind.findall(override)), default="")
    return most.partition("=")[0] if len(kind.findall(most)) >= _MANY else "a file of options"


def _is_in(error: Exception, *packages: str) -> bool:
    """Return whether the code that raised an error belongs to one of some packages."""
    frames = traceback.extract_tb(error.__traceback__, limit=-3)
    code = [frame.filename for frame in frames if not frame.filename.startswith("<")]  # such as <frozen abc>
    return any(package in Path(file).parts for file in code[-1:] for package in packages)


def _raised_by_hydra(error: OSError) -> bool:
    """Return whether Hydra raised the error while it created a directory."""
    frames = traceback.extract_tb(error.__traceback__)
    callers = [frame.filename for frame in frames if not frame.filename.endswith(("pathlib.py", "os.py"))]
    makes = any(frame.name in ("mkdir", "makedirs") for frame in frames)
    return makes and bool(callers) and re.search(r"\bhydra\b", callers[-1]) is not None
