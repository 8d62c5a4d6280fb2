"""The backends that there are, and the keys of each."""

import re
from collections.abc import Sequence
from dataclasses import fields
from typing import get_type_hints

from hydra.core.config_store import ConfigStore

from convboard.config.command_line import format_value
from convboard.errors import ConfigError, RunError, nearest
from convboard.sweeps.backends.backend import Backend
from convboard.sweeps.backends.command import CommandBackend, CommandSettings
from convboard.sweeps.backends.settings import BackendSettings, RemoteSettings
from convboard.sweeps.store.submissions import Submission

_SETTINGS: dict[str, type[BackendSettings]] = {"local": BackendSettings, "command": CommandSettings}
_GROUP, _KEY = "sweep/backend", "sweep.backend"


def register() -> None:
    """Let Hydra know the schema of each backend, on which its option in `conf/sweep/backend` builds."""
    for name, settings in _SETTINGS.items():
        ConfigStore.instance().store(name, settings, group=f"schema/{_GROUP}")


def backend_of(settings: RemoteSettings) -> Backend:
    """Return the backend with these settings."""
    assert isinstance(settings, CommandSettings)
    return CommandBackend(settings)


def settings_of(submission: Submission) -> RemoteSettings:
    """Return the settings with which workers were started.

    Raises:
        RunError: They are those of another version.
    """
    settings = _SETTINGS.get(str(submission.settings.get("name")))
    try:
        found = settings(**submission.settings) if settings else None
    except TypeError:
        found = None
    if not isinstance(found, RemoteSettings):
        raise RunError(f"{submission.path} cannot be read: it was written by another version of convboard.")
    return found


def checked_keys(arguments: Sequence[str]) -> list[str]:
    """Check the keys of the backend on a command line.

    Args:
        arguments: Its arguments that begin with `sweep`.

    Returns:
        They, with texts in quotes, so that Hydra takes them as they are written.

    Raises:
        ConfigError: The chosen backend has no such key.
    """
    chosen = [argument.partition("=")[2] for argument in arguments if argument.startswith(f"{_GROUP}=")]
    name = chosen[-1] if chosen else "local"
    for argument in arguments:
        if argument.startswith(f"{_KEY}="):
            raise ConfigError(f"{argument}: write {_GROUP}={argument.partition('=')[2] or 'slurm'}, with a slash.")
    return [_checked(argument, name) if argument.startswith(f"{_KEY}.") else argument for argument in arguments]


def _checked(argument: str, backend: str) -> str:
    key, equal, value = argument.partition("=")
    settings = _SETTINGS.get(backend)
    if settings is None:  # an option of the user's own
        return argument
    hint = get_type_hints(settings).get(key.removeprefix(f"{_KEY}."))
    if hint is None:
        others = [name for name, other in _SETTINGS.items() if key.removeprefix(f"{_KEY}.") in get_type_hints(other)]
        names = [field.name for field in fields(settings) if field.name != "name"]
        if others:
            raise ConfigError(
                f"{key} is no key of {_GROUP}={backend}. Choose {_GROUP}={' or '.join(others)}, or omit it."
            )
        raise ConfigError(f"{key} is not known. {nearest(key.removeprefix(f'{_KEY}.'), names)}")
    is_text = hint in (str, str | None) and value not in ("", "null") and not re.match("['\"]", value)
    return f"{key}{equal}{format_value(value, quoted=True)}" if is_text else argument
