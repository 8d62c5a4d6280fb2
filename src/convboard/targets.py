"""`_target_` nodes of a config, turned into calls, with a message for each way they can be wrong."""

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from convboard.errors import ConfigError, nearest


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


def accepts(factory: Callable[..., Any], name: str) -> bool:
    """Whether `factory` has a parameter called `name`."""
    return name in inspect.signature(factory).parameters


def _check_arguments(group: str, factory: Callable[..., Any], target: str, arguments: dict[str, Any]) -> None:
    parameters = inspect.signature(factory).parameters
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for name in arguments:
        if name not in parameters:
            allowed = [key for key in parameters if key != "params"]
            raise ConfigError(f"{group}.{name} is not an argument of {target}. {nearest(name, allowed)}")


def _explain(group: str, target: str, error: Exception) -> str:
    """Offer the nearest name of the target's module, where that module can be imported."""
    module_name, _, name = target.rpartition(".")
    try:
        module = import_module(module_name)
    except (ImportError, ValueError):
        return f"{group}._target_={target!r}: there is no module {module_name!r} to import it from."
    if hasattr(module, name):  # found, but importing or calling it failed, or Hydra forbids it
        cause = error.__cause__ or error
        return f"{group}._target_={target!r} cannot be used: {str(cause).splitlines()[0]}"
    classes = [key for key, value in vars(module).items() if inspect.isclass(value) and not key.startswith("_")]
    return f"{group}._target_={target!r} is not there. {nearest(name, classes)}"
