"""The version of Optuna that a search by `tpe` needs, and the one that it began with."""

from importlib import metadata

from convboard.errors import ConfigError
from convboard.sweeps.store.sweep_record import SweepRecord

_PACKAGE = "optuna"
_LEAST = 5  # the first major version whose sampler takes running trials into account by default


def require_optuna(search: str) -> None:
    """Refuse a search that needs Optuna where it is missing.

    Args:
        search: See `SweepOptions`.

    Raises:
        ConfigError: It does.
    """
    if search != "tpe":
        return
    try:
        installed = metadata.version(_PACKAGE)
    except metadata.PackageNotFoundError:
        installed = ""
    if int(f"0{installed.partition('.')[0]}") < _LEAST:
        found = f"Optuna {installed} is installed" if installed else "Optuna is not installed"
        raise ConfigError(
            f"sweep=tpe needs Optuna {_LEAST} or later, and {found}. Install convboard with the extra optuna: pip "
            "install '.[optuna]' in a checkout. Or use sweep=random, which needs nothing."
        )


def optuna_version(search: str) -> dict[str, str]:
    """Return the version of Optuna for the environment of a sweep; nothing for a search that does not use it."""
    return {_PACKAGE: metadata.version(_PACKAGE)} if search == "tpe" else {}


def other_optuna(record: SweepRecord) -> str:
    """Return a remark on a search that began with another version of Optuna; empty if none did.

    Its runs can be compared all the same. But the settings that are proposed from now on may be others.
    """
    now = optuna_version(record.options.get("search", "grid")).get(_PACKAGE)
    then = record.environment.get(_PACKAGE, now)
    changed = f"Optuna was {then} when the search began, and is {now} now: it may choose other settings from now on"
    return "" if then == now else changed
