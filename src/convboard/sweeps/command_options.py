"""The keys of a sweep on a command line: told from those of its runs, composed by Hydra, and checked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, make_dataclass
from typing import Any, cast, get_origin

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from convboard.config import compose
from convboard.config.command_line import argument_of, format_value
from convboard.config.conf_folders import CONF
from convboard.config.error_messages import explain
from convboard.config.known_keys import keys
from convboard.errors import ConfigError
from convboard.sweeps.backends.known import chosen_settings, refuse_keys_of_others, register
from convboard.sweeps.backends.settings import BackendSettings
from convboard.sweeps.sweep_options import SweepOptions

_OF_EXISTING = {"retry": ("resume",), "changed": ("resume", "join"), "trust": ("resume", "join")}
_SCHEMA, _CONFIG = "sweep_schema", "sweep_config"  # names for Hydra


@dataclass
class SweepArguments:
    """The schema of `sweep.<key>=<value>`.

    Attributes:
        sweep: The keys.
    """

    sweep: SweepOptions = field(default_factory=SweepOptions)


def read_options(arguments: Sequence[str]) -> tuple[SweepOptions, list[str]]:
    """Read the keys of the sweep itself from its command line, and the option of `conf/sweep` that it chooses.

    Args:
        arguments: The arguments of the command line.

    Returns:
        The options, and the other arguments, which describe the trials.

    Raises:
        ConfigError: A key or an option does not exist, or a value is not allowed.
    """
    own = [argument for argument in arguments if re.match(r"[+~]*sweep\b", argument)]
    refuse_keys_of_others(own)
    schema = _schema(chosen_settings(own))
    hints = dict(keys(schema))
    _refuse_lists(own, hints)
    overrides = [_as_override(argument.lstrip("+"), hints) for argument in own]
    compose.register()
    register()
    ConfigStore.instance().store(_SCHEMA, SweepArguments)
    ConfigStore.instance().store(
        _CONFIG, {"defaults": [_SCHEMA, {"sweep": "grid"}, {"sweep/backend": "local"}, "_self_"]}
    )
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            options = OmegaConf.to_object(hydra_compose(_CONFIG, overrides))
    except Exception as error:
        mistake = explain(error, schema, own)
        if mistake is None or mistake is error:
            raise
        raise mistake from error
    found = cast(SweepArguments, options).sweep
    _refuse_without_meaning(found, given_keys(own))
    return found, [argument for argument in arguments if argument not in own]


def _refuse_lists(own: Sequence[str], hints: Mapping[str, Any]) -> None:
    """Refuse several values for a key of the sweep itself, with other advice than for a key of its runs."""
    for argument in own:
        key, _, value = argument.partition("=")
        if re.fullmatch(r"[\w.+-]+(,[\w.+-]+)+", value) and _with_quoted_text(argument, hints) == argument:
            advice = f" For these seeds write seed={value}." if key == "sweep.seeds" else ""
            if get_origin(hints.get(key.lstrip("+"))) is list:
                advice = f" Write {key}=[{value}]."
            raise ConfigError(f"{argument}: a sweep has one value of it, not several.{advice}")


def _refuse_without_meaning(options: SweepOptions, given: Sequence[str]) -> None:
    """Refuse keys that a new sweep, or one that searches nothing, would ignore."""
    for key, places in _OF_EXISTING.items():
        if key in given and options.resume is None and options.join is None:
            needed = " or ".join(f"sweep.{place}=<folder>" for place in places)
            raise ConfigError(f"sweep.{key} is for a sweep that exists: add {needed}, or omit it.")
    if "search_seed" in given and options.search == "grid" and options.resume is None:
        raise ConfigError("sweep.search_seed has no meaning for a grid. Omit it, or choose sweep=random or sweep=tpe.")


def refuse_others(options: SweepOptions, arguments: Sequence[str]) -> None:
    """Refuse what a command cannot use that looks at a sweep, or ends it.

    Raises:
        ConfigError: Something else is given than its folder.
    """
    key = "watch" if options.watch is not None else "cancel"
    for argument in arguments:
        if not re.match(rf"[+~]*sweep\.{key}=", argument):
            raise ConfigError(f"{argument_of(argument)} cannot be used with sweep.{key}=. Omit it.")


def _schema(backend: type[BackendSettings]) -> type:
    """Return the schema of the keys, with those of the chosen backend."""
    options = make_dataclass(
        "SweepOptions", [("backend", backend, field(default_factory=backend))], bases=(SweepOptions,)
    )
    return make_dataclass("SweepArguments", [("sweep", options, field(default_factory=options))])


def _as_override(argument: str, hints: Mapping[str, Any]) -> str:
    """Return an argument as Hydra takes it: a dictionary of the user's own names gets them only with `++`."""
    dictionaries = [key for key, hint in hints.items() if get_origin(hint) is dict]
    is_open = any(re.match(rf"{re.escape(key)}[.=]", argument) for key in dictionaries)
    return f"++{argument}" if is_open else _with_quoted_text(argument, hints)


def _with_quoted_text(argument: str, hints: Mapping[str, Any]) -> str:
    """Put the value of a key that holds a text into quotes, so that Hydra takes it as it is written.

    Args:
        argument: The argument.
        hints: The types of the keys.
    """
    key, equal, value = argument.partition("=")
    hint = hints.get(key)
    is_text = hint in (str, str | None) and value not in ("", "null") and value[:1] not in ("'", '"')
    return f"{key}{equal}{format_value(value, quoted=True)}" if is_text else argument


def given_keys(arguments: Sequence[str]) -> list[str]:
    """Return the keys of the sweep itself that a command line gives: `workers` of `sweep.workers=2`.

    The choice of an option of `conf/sweep` is called `sweep`.
    """
    found = (re.match(r"[+~]*(?:sweep[./](\w+)(?:\.\w+)*|(sweep))=", argument) for argument in arguments)
    return [match[1] or match[2] for match in found if match]
