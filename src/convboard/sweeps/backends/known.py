"""The backends that there are, and the keys of each."""

from collections.abc import Sequence
from typing import get_type_hints

from hydra.core.config_store import ConfigStore

from convboard.errors import ConfigError, RunError
from convboard.sweeps.backends.backend import Backend
from convboard.sweeps.backends.command import CommandBackend, CommandSettings
from convboard.sweeps.backends.settings import BackendSettings, RemoteSettings
from convboard.sweeps.backends.slurm import SlurmBackend, SlurmSettings
from convboard.sweeps.store.submissions import Submission

_SETTINGS: dict[str, type[BackendSettings]] = {
    "local": BackendSettings,
    "command": CommandSettings,
    "slurm": SlurmSettings,
}
_GROUP, _KEY = "sweep/backend", "sweep.backend"


def register() -> None:
    """Let Hydra know the schema of each backend, on which its option in `conf/sweep/backend` builds."""
    for name, settings in _SETTINGS.items():
        ConfigStore.instance().store(name, settings, group=f"schema/{_GROUP}")


def backend_of(settings: RemoteSettings) -> Backend:
    """Return the backend with these settings."""
    if isinstance(settings, SlurmSettings):
        return SlurmBackend(settings)
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


def chosen_settings(arguments: Sequence[str]) -> type[BackendSettings]:
    """Return the settings of the backend that a command line chooses.

    Args:
        arguments: Its arguments that begin with `sweep`.
    """
    chosen = [argument.partition("=")[2] for argument in arguments if argument.startswith(f"{_GROUP}=")]
    return _SETTINGS.get(chosen[-1] if chosen else "local", BackendSettings)


def refuse_keys_of_others(arguments: Sequence[str]) -> None:
    """Refuse keys that belong to another backend than the one that a command line chooses.

    Args:
        arguments: Its arguments that begin with `sweep`.

    Raises:
        ConfigError: It has one.
    """
    own = get_type_hints(chosen_settings(arguments))
    for argument in arguments:
        key, _, value = argument.partition("=")
        name = key.removeprefix(f"{_KEY}.")
        if key == _KEY:
            raise ConfigError(f"{argument}: write {_GROUP}={value or 'slurm'}, with a slash.")
        others = [backend for backend, settings in _SETTINGS.items() if name in get_type_hints(settings)]
        if key != name and name not in own and others:
            choice = " or ".join(f"{_GROUP}={other}" for other in others)
            raise ConfigError(f"{key} needs another backend. Choose it with {choice}, or omit the key.")
