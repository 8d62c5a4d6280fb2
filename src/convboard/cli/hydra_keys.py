"""The keys of Hydra that a run of convboard cannot honour, refused with what to write instead."""

import re
from collections.abc import Sequence

from convboard.errors import ConfigError

_FALSE = ("false", "null", "no", "off", "0")
_LOGGER = r"(?!(?i:null|inf|nan)\b)[A-Za-z_][\w.]*"
_VERBOSE = re.compile(rf"{_LOGGER}|\[{_LOGGER}(, *{_LOGGER})*\]")  # what Hydra does not take ends in its own assertion


def refuse_hydra_keys(overrides: Sequence[str], is_sweep: bool) -> None:
    """Refuse the keys of Hydra that would put a run, or what it reads, in another place than convboard assumes.

    Args:
        overrides: The overrides of the command line.
        is_sweep: Whether they are those of a sweep.

    Raises:
        ConfigError: One of them cannot be honoured.
    """
    for override in overrides:
        key, _, value = override.lstrip("+").partition("=")
        if reason := _reason(key, value.strip("\"' "), is_sweep):
            raise ConfigError(f"{override}: {reason}.")


def _reason(key: str, value: str, is_sweep: bool) -> str:
    """Return why a key cannot have this value, and what to do; empty if it can."""
    match key:
        case "hydra.job.chdir" if value.lower() not in _FALSE:
            return (
                "paths are relative to the folder that the command runs in, so it is not left. Omit this key; "
                "hydra.run.dir=<folder> chooses the run directory"
            )
        case "hydra.output_subdir" if value.lower() != "null":
            return "a run writes its own config.yaml. Omit this key"
        case "hydra.run.dir" if is_sweep:
            return "each run of a sweep has a directory within that of the sweep. Write hydra.sweep.dir=<folder>"
        case "hydra.sweep.dir" | "hydra.sweep.subdir" if not is_sweep:
            return "this is a single run. Write hydra.run.dir=<folder>, or add -m for a sweep"
        case "hydra.sweep.subdir" if "${" not in value:
            return "the runs of a sweep need directories of their own. Omit this key"
        case "hydra.run.dir" | "hydra.sweep.dir" if not value:
            return "give a folder"
        case "hydra.sweeper.max_batch_size" if value.lower() != "null" and not (value.isdecimal() and int(value)):
            return "must be a whole number above 0, or null"
        case "hydra.verbose" if not _VERBOSE.fullmatch(value):
            return "must be true, false, or a list of loggers such as [convboard]"
    return ""
