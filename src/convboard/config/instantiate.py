"""Instantiation of `_target_` nodes, with a message for each possible mistake."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from convboard.config import current_folder
from convboard.config.command_line import format_value
from convboard.config.schema import literal
from convboard.config.synonyms import KEYS
from convboard.errors import ConfigError, nearest

# Exceptions by which constructors and optimizers refuse an argument. Any other exception is a bug.
REFUSALS = (TypeError, ValueError, LookupError, RuntimeError, AssertionError)
_EXAMPLES = {"optimizer": "torch.optim.SGD", "scheduler": "convboard.training.schedules.Cosine"}


@dataclass(frozen=True)
class Target:
    """A `_target_` node, imported and checked, but not called yet.

    Attributes:
        group: The config group, for messages.
        node: `_target_` and arguments, as in the config.
        factory: The class or function.
        arguments: Its keyword arguments; nodes among them are instantiated.
    """

    group: str
    node: Mapping[str, Any]
    factory: Callable[..., Any]
    arguments: dict[str, Any]

    def build(self, *positional: Any, **more: Any) -> Any:
        """Call the factory.

        Raises:
            ConfigError: The constructor refuses its arguments.
        """
        try:
            return self.factory(*positional, **self.arguments, **more)
        except REFUSALS as error:
            if isinstance(error, ConfigError):
                raise
            reason = repr(error) if isinstance(error, KeyError) else error
            raise ConfigError(f"{self.group}: {self.describe()} refuses its arguments: {reason}") from error

    def describe(self) -> str:
        """Return the target and its arguments, for messages: `torch.optim.SGD with lr=0.1, momentum=0.9`."""
        arguments = ", ".join(f"{key}={value}" for key, value in self.node.items() if key != "_target_")
        return f"{self.node['_target_']} with {arguments}" if arguments else str(self.node["_target_"])


def resolve(group: str, node: Mapping[str, Any]) -> Target:
    """Import the class or function that `node` names, and instantiate the nodes among its arguments.

    Args:
        group: The config group, for messages.
        node: `_target_` and arguments.

    Raises:
        ConfigError: The target cannot be imported or called by name, or has no such parameter.
    """
    from hydra.errors import InstantiationException  # deferred for start-up time
    from hydra.utils import instantiate

    target = node["_target_"]
    if "_args_" in node:
        raise ConfigError(f"{group}._args_={node['_args_']} is not taken: give each argument by its name.")
    current_folder.allow(target_names(node))
    try:
        call = instantiate({**literal(dict(node)), "_partial_": True}, _convert_="all")
    except (InstantiationException, SystemExit) as error:  # a module may end the program when it is imported
        raise ConfigError(_explain(*_refused(group, node, error), error)) from error
    arguments = dict(call.keywords)
    _check_arguments(group, call.func, target, arguments)
    if target.startswith("torch.optim."):
        _check_kinds(group, call.func, arguments)
    return Target(group, node, call.func, arguments)


def target_names(node: object) -> Iterator[str]:
    """Yield every `_target_` in a part of a config, at any depth."""
    yield from (target for _, target in _nodes("", node))


def _check_arguments(group: str, factory: Callable[..., Any], target: str, arguments: dict[str, Any]) -> None:
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError) as error:  # some callables written in C
        raise ConfigError(f"{group}._target_={target!r} cannot be used: Python cannot read its signature.") from error
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for name in arguments:
        if name not in parameters:
            allowed = [key for key in parameters if key != "params"]
            synonyms = {word: key.removeprefix(f"{group}.") for word, key in KEYS.items()}
            near = {word: key for word, key in synonyms.items() if key in allowed}
            raise ConfigError(f"{group}.{name} is not an argument of {target}. {nearest(name, allowed, near)}")


def _check_kinds(group: str, factory: Callable[..., Any], arguments: dict[str, Any]) -> None:
    """Check arguments against the defaults of one of torch's optimizers, which takes many others without a word."""
    parameters = inspect.signature(factory).parameters
    for name, value in arguments.items():
        wanted = _wanted(parameters[name].default, value)
        if wanted:
            raise ConfigError(f"{group}.{name}={format_value(value)}: must be {wanted}.")


def _wanted(default: object, value: object) -> str:
    """Return what a value must be in the place of a default one; empty if it can be that."""
    match default:
        case bool():
            return "" if isinstance(value, bool) else "true or false"
        case int() | float():
            return "a number" if isinstance(value, list | dict | str) else ""
        case tuple():
            numbers = value if isinstance(value, list) else []
            numbers = [item for item in numbers if not isinstance(item, list | dict | str)]
            return (
                ""
                if len(numbers) == len(default) and numbers == value
                else f"a list of {len(default)} numbers, such as {format_value(default)}"
            )
    return "a single value" if isinstance(value, list | dict) else ""


def _refused(group: str, node: Mapping[str, Any], error: BaseException) -> tuple[str, str]:
    """Return the key of the node that cannot be instantiated, and its `_target_`: the outer one, or one within it."""
    _, _, key = str(error).rpartition("full_key: ")  # of Hydra, which does not separate the index in a list
    inner = dict(_nodes(group, dict(node)))
    near = (place for place in inner if re.sub(r"[.\[\]]", "", place) == group + key.replace(".", ""))
    place = next(near, group)
    return place, inner[place]


def _nodes(place: str, node: object) -> Iterator[tuple[str, str]]:
    """Yield the key and the `_target_` of each node in a part of a config, the outer ones first."""
    if isinstance(node, dict):
        if "_target_" in node:
            yield place, str(node["_target_"])
        for key, child in node.items():
            yield from _nodes(f"{place}.{key}", child)
    if isinstance(node, list):
        for index, child in enumerate(node):
            yield from _nodes(f"{place}[{index}]", child)


def _explain(place: str, target: str, error: BaseException) -> str:
    """Return why `target` cannot be used: no such module, an import error, no such name, or refused by Hydra."""
    group = place.partition(".")[0]
    given = f"{place}._target_={target!r}"
    module_name, _, name = target.rpartition(".")
    if not module_name:
        return f"{given} needs the module too, as in {_EXAMPLES.get(group, 'mypackage.' + target)}."
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as missing:
        if missing.name and f"{module_name}.".startswith(f"{missing.name}."):
            return (
                f"{given}: there is no module {missing.name!r}, neither among the installed packages nor in "
                f"{Path.cwd()}."
            )
        return f"{given}: {module_name} cannot be imported: {missing}."
    except SystemExit as end:
        return f"{given}: {module_name} cannot be imported: it ends the program with sys.exit({end.code!r})."
    except Exception as problem:  # of any type, from the user's module
        return f"{given}: {module_name} cannot be imported: {type(problem).__name__}: {problem}."
    if hasattr(module, name) and not callable(getattr(module, name)):
        wanted = "a class, or a function that returns a network" if group == "model" else "a class or a function"
        return f"{given} is a value of type {type(getattr(module, name)).__name__}. Name {wanted}."
    if hasattr(module, name):
        cause = " ".join(str(error.__cause__ or error).split())
        return f"{given} cannot be used: {cause}"
    fits = callable if group == "model" else inspect.isclass  # a function can build a network too
    there = [key for key, value in vars(module).items() if fits(value) and not key.startswith("_")]
    return f"{given} does not exist. {nearest(name, there)}"
