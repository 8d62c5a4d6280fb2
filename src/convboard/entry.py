"""What stands between a command line and Hydra: the resolvers, and one message for a user's mistake.

`conf/` is composed by Hydra; this module only names run directories and turns exceptions into sentences.
"""

import datetime
import hashlib
import os
import re
import secrets
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import TypeVar, cast

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from convboard.config import TrainConfig, explain_omegaconf, to_config, unknown_key
from convboard.errors import ConfigError, ConvboardError, RunError, nearest

USER_ERROR = 2  # exit code; also argparse's
LONGEST_NAME = 150  # characters of a sweep's job directory; file systems allow 255 bytes


def register() -> None:
    """Give Hydra the schema and the resolvers that name run directories. To be called before `hydra.main`."""
    ConfigStore.instance().store(name="schema", node=TrainConfig)
    OmegaConf.register_new_resolver("run_id", _run_id, use_cache=True, replace=True)
    OmegaConf.register_new_resolver("sweep_job_name", _sweep_job_name, replace=True)


def _run_id() -> str:
    """Date and time for people, six hexadecimal digits so that no two runs collide."""
    return f"{datetime.datetime.now():%Y-%m-%d_%H-%M-%S}-{secrets.token_hex(3)}"


def _sweep_job_name(overrides: object, number: object) -> str:
    """The overrides of a job as one readable folder name; a hash stands for what is too long."""
    name = re.sub(r"[^\w.=,+-]", "_", str(overrides)) or str(number)
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:LONGEST_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def check(composed: DictConfig) -> TrainConfig:
    """Check what Hydra composed, before torch is imported, so that a mistake is told at once.

    Raises:
        ConfigError: See `to_config`. The run directory that Hydra made is gone again.
    """
    try:
        return to_config(composed)
    except ConfigError:
        with suppress(OSError):
            run_dir().rmdir()  # only if it is empty
        raise


def run_dir() -> Path:
    """The directory that Hydra chose for this run."""
    return Path(HydraConfig.get().runtime.output_dir)


Arguments = TypeVar("Arguments")


def arguments(schema: type[Arguments]) -> Arguments:
    """Read `key=value` arguments of a script into the dataclass `schema`.

    Raises:
        ConfigError: An argument is not `key=value`, unknown, missing, or of a wrong type.
    """
    for argument in sys.argv[1:]:
        if "=" not in argument:
            names = ", ".join(f"{field.name}=..." for field in fields(schema))  # type: ignore[arg-type]
            raise ConfigError(f"{argument!r} is not understood: give arguments as {names}")
    try:
        given = OmegaConf.merge(OmegaConf.structured(schema), OmegaConf.from_cli(sys.argv[1:]))
        return cast(Arguments, OmegaConf.to_object(given))
    except OmegaConfBaseException as error:
        raise explain_omegaconf(error, schema) from error


@contextmanager
def one_message() -> Iterator[None]:
    """Turn a user's mistake into one message on stderr and exit code 2; a bug stays a traceback.

    `HYDRA_FULL_ERROR=1` gives the traceback of a mistake as well.
    """
    full = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises what it would otherwise print its own way
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        mistake = explain(error)
        if mistake is None or full == "1":
            raise
        print(f"convboard: {mistake}", file=sys.stderr)
        sys.exit(USER_ERROR)
    finally:
        if full is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full


def explain(error: Exception) -> ConvboardError | None:
    """Say what the user got wrong; None where `error` is a bug."""
    if isinstance(error, ConvboardError):
        return error
    if isinstance(error, MissingConfigException):
        return _missing_option(error)
    if isinstance(error, ConfigCompositionException) and isinstance(error.__cause__, OmegaConfBaseException):
        return _explain_override(error, error.__cause__)
    if isinstance(error, OmegaConfBaseException):
        return explain_omegaconf(error)
    if isinstance(error, HydraException):
        return ConfigError(" ".join(str(error).split()))
    if isinstance(error, OSError) and _raised_by_hydra(error):
        return RunError(
            f"The run directory {error.filename} cannot be made: {error.strerror}. "
            "Choose another with hydra.run.dir=<folder>."
        )
    return None


def _missing_option(error: MissingConfigException) -> ConfigError:
    """`model=lenett`: the option is not in its group."""
    missing = error.missing_cfg_file or ""
    if error.options is None or "/" not in missing:
        return ConfigError(" ".join(str(error).split()))
    group, option = missing.rsplit("/", 1)
    return ConfigError(f"{group}={option!r} is not known. {nearest(option, error.options)}")


def _explain_override(error: Exception, cause: OmegaConfBaseException) -> ConfigError:
    """`trainer.epochs=3` or `batch_size=many`: an override that the schema refuses."""
    given = re.search(r"'([^']*)'", str(error))
    key = str(cause.full_key or (given.group(1) if given else ""))
    if "not in" in str(cause) or "Key" in str(cause).split():
        return ConfigError(unknown_key(key))
    return explain_omegaconf(cause)


def _raised_by_hydra(error: OSError) -> bool:
    """Whether Hydra could not make the run directory, the only thing that it writes itself."""
    frames = traceback.extract_tb(error.__traceback__)
    callers = [frame for frame in frames if not frame.filename.endswith(("pathlib.py", "os.py"))]
    return bool(callers) and callers[-1].name == "run_job" and "hydra" in callers[-1].filename
