"""Configs composed without reading a file: from a base that was composed before, and stored.

A base is the config of one choice of options. Values are applied to a copy of it. Interpolations that name another key
stay in a base, because they follow the values. All others, such as `${oc.env:HOME}`, are resolved when it is made, so
that a base that was read back runs no resolver.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict

from convboard.config.compose import register, without_leftovers
from convboard.config.conf_folders import CONF
from convboard.config.error_messages import explain
from convboard.config.override_values import with_quoted_texts
from convboard.config.schema import OPEN_GROUPS, TrainConfig, to_config
from convboard.errors import ConfigError

_TOKEN = re.compile(r"\$\\*\{|[}:]")  # with the backslashes of a text that Hydra has parsed

Base = Mapping[str, Any]


def compose_base(overrides: Sequence[str]) -> Base:
    """Compose a base, as plain values that can be stored as JSON.

    Args:
        overrides: Its options, and the values that all its configs have in common. Hydra can compose them.
    """
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = hydra_compose("config", with_quoted_texts(overrides), return_hydra_config=True)
        before = HydraConfig.instance().cfg
        HydraConfig.instance().set_config(composed)
        try:
            with open_dict(composed):
                del composed["hydra"]
            plain = OmegaConf.create(OmegaConf.to_container(composed, resolve=False))
            _resolve(plain, composed)
        finally:
            HydraConfig.instance().cfg = before
    container = OmegaConf.to_container(plain, resolve=False)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def _resolve(plain: Any, composed: Any) -> None:
    """Resolve the interpolations of `plain` that call a resolver, in place."""
    keys: list[Any] = list(plain.keys()) if isinstance(plain, DictConfig) else list(range(len(plain)))
    for key in keys:
        if OmegaConf.is_interpolation(plain, key):
            if calls_resolver(str(plain._get_node(key)._value())):
                plain[key] = composed[key]
        elif not OmegaConf.is_missing(plain, key) and OmegaConf.is_config(plain[key]):
            _resolve(plain[key], composed[key])


def calls_resolver(value: Any) -> bool:
    """Return whether plain values, or their keys, have an interpolation that would call a resolver."""
    match value:
        case str():
            return _has_colon_within(value)
        case dict():
            return any(map(calls_resolver, (*value.keys(), *value.values())))
        case list():
            return any(map(calls_resolver, value))
    return False


def _has_colon_within(text: str) -> bool:
    """Return whether a text has a colon within an interpolation, also after another one, as in `${${name}:HOME}`."""
    depth = 0
    for token in _TOKEN.findall(text):
        if token == ":" and depth:
            return True
        depth = max(0, depth + {":": 0, "}": -1}.get(token, 1))
    return False


def config_of(base: Base, values: Sequence[str], overrides: Sequence[str]) -> TrainConfig:
    """Compose and check a config.

    Args:
        base: Its base.
        values: The overrides that set the values which the base does not have.
        overrides: All overrides of the config.

    Raises:
        ConfigError: A value is not allowed.
    """
    parsed = OverridesParser.create().parse_overrides(with_quoted_texts(values))
    composed = OmegaConf.create(dict(base))
    OmegaConf.set_struct(composed, True)
    for group in OPEN_GROUPS:
        OmegaConf.set_struct(composed[group], False)
    try:
        ConfigLoaderImpl._apply_overrides_to_config(parsed, composed)
        return to_config(without_leftovers(composed, overrides))
    except Exception as error:
        mistake = explain(error, TrainConfig, values)
        if mistake is None or mistake is error:
            raise
        raise ConfigError(str(mistake)) from error
