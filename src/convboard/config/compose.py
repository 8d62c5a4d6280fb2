"""Composition: overrides and the YAML options in conf/ become a checked `TrainConfig`.

Hydra composes: for `train` through `hydra.main`, for everything else through `compose_config`.
"""

import copy
import datetime
import re
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf, open_dict

from convboard.config.conf_folders import CONF, conf_folders
from convboard.config.error_messages import explain
from convboard.config.folder_names import folder_of
from convboard.config.override_values import overridden, with_quoted_texts
from convboard.config.own_options import limit_files
from convboard.config.schema import GROUPS, OPEN_GROUPS, TrainConfig, class_name, to_config
from convboard.errors import ConfigError
from convboard.training.distributed.torchrun import communicator

_LONGEST_FOLDER = 50  # characters
_KEYS = frozenset(TrainConfig.__dataclass_fields__)


@dataclass(frozen=True)
class Composed:
    """A config as the command `train` composes it.

    Attributes:
        config: The checked config.
        model_name: The chosen option of `model`, or the name of the class that `model._target_` gives.
        given: The keys of the overrides, such as `model` and `trainer.max_epochs`.
        run_dir: A new run directory: `outputs/<dataset>/<model>/<date>-<id>`.
    """

    config: TrainConfig
    model_name: str
    given: frozenset[str]
    run_dir: Path

    @property
    def has_dataset(self) -> bool:
        """Whether an override sets something of the data, or chooses a preset that does."""
        return any(key == "experiment" or key.split(".")[0] == "dataset" for key in self.given)


class _ConfFolders(SearchPathPlugin):
    """Tells Hydra where the user's own options are.

    Attributes:
        is_used: Whether there are any. Options can name code in the keys of Hydra.
    """

    is_used = True

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for folder in conf_folders()[:-1] if self.is_used else ():
            search_path.prepend("user", f"file://{folder}")


@contextmanager
def without_own_options() -> Iterator[None]:
    """Within, the user's own options do not count: the current folder may be a run that somebody else has made."""
    _ConfFolders.is_used = False
    try:
        yield
    finally:
        _ConfFolders.is_used = True


@cache
def register() -> None:
    """Give Hydra the schema, the user's options, and the resolvers that name run directories.

    To be called before `hydra.main`.
    """
    Plugins.instance().register(_ConfFolders)
    limit_files()
    schema = OmegaConf.structured(TrainConfig)
    for group in OPEN_GROUPS:
        OmegaConf.set_struct(schema[group], False)  # `optimizer.dampening=0.1` needs no + before it
    ConfigStore.instance().store(name="schema", node=schema)
    OmegaConf.register_new_resolver("run_dir", _run_dir, replace=True)
    OmegaConf.register_new_resolver("run_id", run_id, use_cache=True, replace=True)
    OmegaConf.register_new_resolver("model_name", model_name, replace=True)
    OmegaConf.register_new_resolver("sweep_job_name", _sweep_job_name, replace=True)


def _run_dir(resume: str | None, dataset: str, path: str | None, model: str, run_id: str) -> str:
    """The directory of a single run: a new one, or that of the run to resume.

    The name of a data set of pictures has that of their folder, as in `image_folder-flowers`.
    """
    folder = re.sub(r"[^\w.+-]", "_", Path(path).absolute().name)[:_LONGEST_FOLDER] if path else ""
    return resume or f"outputs/{dataset}{folder and '-'}{folder}/{model}/{run_id}"


def run_id() -> str:
    """Date and time, and six hexadecimal digits so that no two runs collide; the same in all processes."""
    return communicator().broadcast(f"{datetime.datetime.now():%Y-%m-%d_%H-%M-%S}-{secrets.token_hex(3)}")


def model_name() -> str:
    """The chosen option of `model`, or the name of the class that `model._target_=...` puts in its place."""
    target = overridden(overrides(), "model._target_")
    return str(HydraConfig.get().runtime.choices.get("model")) if target is None else class_name(target)


def _sweep_job_name(number: object) -> str:
    """The overrides in which a job of a sweep differs from the others, as a folder name; for the only job, all."""
    alike, given = _given_for_all_jobs(), overrides()
    differing = [override for override in given if override.partition("=")[0] not in alike]
    return folder_of(",".join(differing or given) or str(number))


def overrides() -> list[str]:
    """The overrides of this run, as they are written on the command line."""
    given = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
    assert isinstance(given, list)
    return [str(override) for override in given]


def _given_for_all_jobs() -> set[str]:
    """The keys to which the command line gives one value, not several to sweep over."""
    given = [argument for argument in sys.argv[1:] if re.match(r"[^-].*=|~", argument)]
    parsed = OverridesParser.create().parse_overrides(given)
    is_swept = {override.get_key_element(): override.is_sweep_override() for override in parsed}
    return {key for key, swept in is_swept.items() if not swept}


def checked_config(composed: DictConfig) -> TrainConfig:
    """Check what Hydra composed; torch is not imported, so that a mistake is reported at once.

    Raises:
        ConfigError: See `to_config`; or a part of the run has no option, or several.
    """
    for group in GROUPS:
        if not isinstance(HydraConfig.get().runtime.choices.get(group), str):
            raise ConfigError(
                f"{group}: choose one of conf/{group}, as in {group}=<name>. To run each of several: "
                f"-m {group}=<name>,<name>."
            )
    return to_config(without_leftovers(composed, overrides()))


def without_leftovers(composed: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """Remove the keys of an option's file from a group whose `_target_` is overridden.

    They are arguments of another class (SGD's nesterov, LeNet's image size). Keys that are overridden as well stay.
    """
    given = [override.lstrip("+").partition("=")[0].split(".") for override in overrides]
    for group in OPEN_GROUPS:
        if [group, "_target_"] in given:
            stays = {keys[1] for keys in given if keys[0] == group and len(keys) > 1}
            with open_dict(composed):
                composed[group] = {key: value for key, value in composed[group].items() if key in stays}
    return composed


def hydra_output_dir() -> Path:
    """The directory that Hydra chose for this run."""
    return Path(HydraConfig.get().runtime.output_dir)


def parse_overrides(overrides: Sequence[str]) -> list[Override]:
    """Parse overrides, such as `optimizer.lr=0.1,0.01` and `model=glob(*)`, which knows the options of the group.

    Raises:
        HydraException: An override is not in Hydra's grammar.
    """
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        return OverridesParser.create(loader).parse_overrides(with_quoted_texts(overrides, is_sweep=True))


def compose_config(overrides: Sequence[str], options: dict[tuple[str, ...], DictConfig] | None = None) -> Composed:
    """Compose the config of a run and tell what its overrides chose.

    Args:
        overrides: Such as `model=lenet`.
        options: What is in conf/ for the choices of options that were composed before, which is added to. It saves most
            of the time for further runs.

    Raises:
        ConfigError: A key or an option does not exist, or a value is not allowed.
    """
    register()
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return _compose(with_quoted_texts(overrides), {} if options is None else options)
    except Exception as error:
        mistake = explain(error, TrainConfig, overrides)
        if mistake is None or mistake is error:
            raise
        raise mistake from error


def sets_value(key: str) -> bool:
    """Return whether a key is set to a value of the config; all others may choose options, or where these are."""
    first, *rest = key.lstrip("+~").split(".")
    return first in _KEYS and bool(rest or first not in GROUPS)


def _compose(overrides: Sequence[str], bases: dict[tuple[str, ...], DictConfig]) -> Composed:
    """Compose a config: `bases` holds those of the choices of options that were composed before."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    for override in parsed:
        if override.is_sweep_override():
            raise ConfigError(f"{override.input_line} gives several values: give one.")
    values = [override for override in parsed if sets_value(override.key_or_group)]
    options = tuple(override.input_line or "" for override in parsed if override not in values)
    if options not in bases:
        bases[options] = hydra_compose("config", list(options), return_hydra_config=True)
    composed = copy.deepcopy(bases[options])
    ConfigLoaderImpl._apply_overrides_to_config(values, composed)
    with open_dict(composed):
        composed.hydra.overrides.task = list(overrides)
    before = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(composed)
    try:
        run_dir = Path(HydraConfig.get().run.dir)
        with open_dict(composed):
            del composed["hydra"]
        given = frozenset(override.get_key_element() for override in parsed)
        return Composed(checked_config(composed), model_name(), given, run_dir)
    finally:
        HydraConfig.instance().cfg = before
