"""The output of `--help`: every key of a command with its default and its meaning, from docstrings and comments."""

import inspect
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import fields
from functools import partial
from textwrap import fill, shorten
from typing import Any

from omegaconf import MISSING

from convboard.config.command_line import command, format_value, tensorboard
from convboard.config.compose import compose_config
from convboard.config.conf_folders import conf_folders
from convboard.config.schema import GROUPS, OPEN_GROUPS, TrainConfig
from convboard.config.yaml_limits import LONGEST
from convboard.files import read_text
from convboard.sweeps.backends.settings import BackendSettings
from convboard.sweeps.command_options import read_options
from convboard.sweeps.sweep_options import SweepOptions

NARROWEST, WIDEST = 40, 100  # columns
_LONGEST_KEY = 32  # columns; a longer key has its meaning on the next line
_SWEEP_KEYS = {  # by what they are about
    "places": ("workers", "per_gpu"),
    "what is tried": ("search", "max_trials", "search_seed", "trials", "seeds", "dry_run"),
    "ending bad runs early": ("pruner", "prune_after", "reduction_factor", "prune_min_trials"),
    "limits": ("on_failure", "max_minutes", "trial_minutes", "hang_minutes"),
    "a sweep that has begun": ("resume", "retry", "promote", "join", "watch", "cancel", "changed", "trust"),
}
_NOT_SHOWN = ("backend", "submission")  # the first has a section of its own, and nobody types the second
Row = tuple[str, str]  # `key=value`, meaning
_fill = partial(fill, break_long_words=False, break_on_hyphens=False)  # a key, a flag or a value stays whole


def is_asked_for() -> bool:
    """Return whether the command line asks for help."""
    return bool({"-h", "--help"} & set(sys.argv[1:]))


def script_help(schema: type, name: str, *words: str) -> str:
    """Return the help of a command whose keys are those of a dataclass.

    Args:
        schema: A dataclass whose docstring describes the command, and each key under `Attributes`. Those that it
            inherits are described where they are defined.
        name: The command; see `command_line.command`.
        words: What is between the command and its keys.
    """
    about, _ = _docstring(schema)
    meanings = {name: meaning for base in schema.__mro__[:-1] for name, meaning in _docstring(base)[1].items()}
    defaults = {field.name: field.default for field in fields(schema)}
    rows = [
        (f"{key}={'...' if value == MISSING else format_value(value)}", meanings[key])
        for key, value in defaults.items()
    ]
    usage = " ".join(text if defaults[text.partition("=")[0]] == MISSING else f"[{text}]" for text, _ in rows)
    paragraphs = [_fill(f"usage: {command(name, *words, usage)}", _width(), subsequent_indent="    ")]
    paragraphs += [_fill(paragraph, _width()) for paragraph in about.split("\n\n")]
    return "\n\n".join([*paragraphs, *([_table(rows)] if rows else [])])


def train_help(overrides: Sequence[str]) -> str:
    """Return the help of `train`: its options, and each key with its value under `overrides`.

    Raises:
        ConfigError: The overrides cannot be composed.
    """
    sweep, overrides = read_options(overrides)
    config = compose_config(overrides).config.to_dict()
    train = command("train")
    examples = [
        (f"{train} model=lenet dataset=mnist", "one run"),
        (f"{train} -m model=lenet,conv_mlp optimizer.lr=0.1,0.01", "a sweep: every combination"),
        (f"{train} -m sweep=random 'optimizer.lr=interval(0.001,0.1)'", "a search"),
        (f"{train} resume=outputs/digits/lenet/RUN", "resume a run"),
        (f"{train} repeat=outputs/digits/lenet/RUN seed=1", "a new run with the config of another, and what differs"),
        (f"{train} --help model=resnet18", "the keys of another option"),
        (tensorboard("outputs"), "look at the runs"),
    ]
    sections = [
        f"usage: {train} [key=value ...]",
        "Train a convolutional network and show everything about it in TensorBoard.",
        _table(examples),
        "Options, each a file in conf/:\n" + _table([(group, " ".join(_options(group))) for group in _groups()]),
        "Keys of a run:\n" + _table(list(_general_rows(config))),
    ]
    for group in GROUPS:
        rows = _open_rows if group in OPEN_GROUPS else _closed_rows
        title = _about(group, config[group]["_target_"]) if group in OPEN_GROUPS else ""
        about = _fill(f"{group}: {title}".rstrip(), _width())
        sections.append(about + "\n" + _table(list(rows(group, config[group]))))
    sections += _sweep_sections(sweep)
    flags = [
        ("-m", "a sweep: one run for each combination of several values, as in seed=1,2,3"),
        ("-m --dry-run", "show the runs of a sweep and check each up to its first step, without starting any"),
        ("--cfg job", "print the config without training"),
        ("--version", "print convboard's version"),
        ("--hydra-help", "list what Hydra itself offers"),
    ]
    sections.append("Flags:\n" + _table(flags))
    return "\n\n".join(sections)


def _sweep_sections(options: SweepOptions) -> Iterator[str]:
    """Yield the keys of a sweep, in groups."""
    _, meanings = _docstring(SweepOptions)
    grouped = {*_NOT_SHOWN, *(key for keys in _SWEEP_KEYS.values() for key in keys)}
    more = [field.name for field in fields(SweepOptions) if field.name not in grouped]
    for title, keys in {**_SWEEP_KEYS, "more": more}.items():
        known = [key for key in keys if key in meanings]
        rows = [(f"sweep.{key}={format_value(getattr(options, key))}", meanings[key]) for key in known]
        if rows:
            yield f"Keys of a sweep, with -m: {title}\n" + _table(rows)
    yield _backend_section(options.backend)


def _backend_section(settings: BackendSettings) -> str:
    """Return the keys of the backend that starts the workers of a sweep."""
    about = _docstring(type(settings))[0]
    meanings = {name: text for base in type(settings).__mro__[:-1] for name, text in _docstring(base)[1].items()}
    rows = [
        (f"sweep.backend.{field.name}={format_value(getattr(settings, field.name))}", meanings[field.name])
        for field in fields(settings)
        if field.name != "name"
    ]
    options = [("sweep/backend", " ".join(_options("sweep/backend")))]
    title = _fill(f"Workers of a sweep, with sweep/backend={settings.name}: {about}", _width())
    return "\n".join([title, _table([*options, *rows])])


def _general_rows(config: dict[str, Any]) -> Iterator[Row]:
    _, meanings = _docstring(TrainConfig)
    for key, value in config.items():
        if key not in GROUPS:
            yield f"{key}={format_value(value)}", meanings[key]


def _closed_rows(group: str, node: dict[str, Any]) -> Iterator[Row]:
    """Yield the keys of a group whose schema is a dataclass."""
    (schema,) = (field.type for field in fields(TrainConfig) if field.name == group)
    assert isinstance(schema, type)
    _, meanings = _docstring(schema)
    for key, value in node.items():
        yield f"{group}.{key}={format_value(value)}", meanings[key]


def _open_rows(group: str, node: dict[str, Any]) -> Iterator[Row]:
    """Yield the keys of a group whose schema is a constructor, with the comments in the file of the option."""
    comments = dict(re.findall(r"^(\w+):.*?# (.*)$", _option_file(group, node["_target_"]), re.MULTILINE))
    comments["_target_"] = f"the class; {group}.<name>=<value> sets any argument of its constructor"
    for key, value in node.items():
        yield f"{group}.{key}={format_value(value)}", comments.get(key, "")


def _about(group: str, target: str) -> str:
    """Return the first comment in the file of an option; empty if it has none."""
    text = _option_file(group, target)
    return text.splitlines()[0].removeprefix("# ") if text.startswith("# ") else ""


def _option_file(group: str, target: str) -> str:
    """Return the text of the first option file with this `_target_`; empty if there is none."""
    for file in (file for folder in conf_folders() for file in sorted((folder / group).glob("*.yaml"))):
        with suppress(OSError, UnicodeDecodeError):  # of the user's own; said where it is chosen
            if f"_target_: {target}\n" in (text := read_text(file, LONGEST)):
                return text
    return ""


def _groups() -> list[str]:
    return [*GROUPS, "experiment", "sweep"]


def _options(group: str) -> list[str]:
    return sorted({file.stem for folder in conf_folders() for file in (folder / group).glob("*.yaml")})


def _docstring(schema: type) -> tuple[str, dict[str, str]]:
    """Return the description in the docstring of a dataclass, and that of each attribute."""
    about, _, attributes = (inspect.getdoc(schema) or "").partition("\n\nAttributes:\n")
    found = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", attributes, re.MULTILINE)
    typed = {"None": "null", "True": "true", "False": "false", "`": ""}  # as on the command line
    pattern = "|".join(typed)
    return about, {
        name: re.sub(pattern, lambda word: typed[word[0]], " ".join(meaning.split())) for name, meaning in found
    }


def _table(rows: Sequence[Row]) -> str:
    """Return two columns as text, the second one wrapped."""
    column = min(max(len(first) for first, _ in rows), _LONGEST_KEY) + 4
    lines = []
    for first, second in rows:
        start = f"  {shorten(first, _width() - 2, placeholder='...')}"
        if len(start) + 2 > column and second:
            lines.append(start)
            start = ""
        lines.append(
            _fill(second, _width(), initial_indent=start.ljust(column), subsequent_indent=" " * column) or start
        )
    return "\n".join(lines)


def _width() -> int:
    return min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
