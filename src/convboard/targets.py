"""`_target_` nodes of a config, turned into calls, with a message for each way they can be wrong."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from convboard.errors import ConfigError, nearest

_EXAMPLES = {"optimizer": "torch.optim.SGD", "scheduler": "convboard.training.schedules.Cosine"}


def resolve(group: str, node: Mapping[str, Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Find what `node` names; nested nodes among its arguments are built.

    Args:
        group: The config group, for messages.
        node: `_target_` and arguments.

    Returns:
        The class or function, and its keyword arguments.

    Raises:
        ConfigError: The target cannot be imported, or has no such parameter.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    target = node["_target_"]
    try:
        call = instantiate({**node, "_partial_": True}, _convert_="all")
    except InstantiationException as error:
        raise ConfigError(_explain(group, target, error)) from error
    arguments = dict(call.keywords)
    _check_arguments(group, call.func, target, arguments)
    return call.func, arguments


def build(group: str, node: Mapping[str, Any], *positional: Any, **more: Any) -> Any:
    """Build what `node` names.

    Raises:
        ConfigError: See `resolve`; or the constructor refuses its arguments.
    """
    factory, arguments = resolve(group, node)
    try:
        return factory(*positional, **arguments, **more)
    except (TypeError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{group}: {node['_target_']} refuses its arguments: {error}") from error


def target_names(node: object) -> Iterator[str]:
    """Every `_target_` in a part of a config, however deep."""
    if isinstance(node, dict):
        if "_target_" in node:
            yield str(node["_target_"])
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from target_names(child)


def _check_arguments(group: str, factory: Callable[..., Any], target: str, arguments: dict[str, Any]) -> None:
    parameters = inspect.signature(factory).parameters
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for name in arguments:
        if name not in parameters:
            allowed = [key for key in parameters if key != "params"]
            raise ConfigError(f"{group}.{name} is not an argument of {target}. {nearest(name, allowed)}")


def _explain(group: str, target: str, error: Exception) -> str:
    """Why `target` is not to be had: no module, one that cannot be imported, no such name in it, or Hydra's ban."""
    given = f"{group}._target_={target!r}"
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
    except Exception as problem:  # whatever the user's module raises, or is
        return f"{given}: {module_name} cannot be imported: {type(problem).__name__}: {problem}."
    if hasattr(module, name):
        cause = " ".join(str(error.__cause__ or error).split())
        return f"{given} cannot be used: {cause}"
    classes = [key for key, value in vars(module).items() if inspect.isclass(value) and not key.startswith("_")]
    return f"{given} is not there. {nearest(name, classes)}"
