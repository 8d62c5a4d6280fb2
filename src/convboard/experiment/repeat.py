"""A new run with the config of an earlier one: `repeat=RUN`, which stands for the overrides that give this config."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from convboard.config.command_line import format_value
from convboard.config.override_values import overridden
from convboard.config.schema import GROUPS, TrainConfig
from convboard.errors import ConfigError, RunError
from convboard.experiment.option_file import options
from convboard.experiment.run_dir import load_run_config, python_text, refuse_foreign, refuse_given

_NOT_REPEATED = ("resume",)


def expand_repeat(overrides: Sequence[str]) -> list[str]:
    """Put the config of a run in the place of `repeat=RUN`; the other overrides change it.

    Args:
        overrides: The overrides of the command line.

    Raises:
        RunError: There is no run; or it names code that is not convboard's own, and the overrides do not name it too.
        ConfigError: The overrides choose a preset, or resume a run, or there is not one run to repeat.
    """
    repeats = [override for override in overrides if _key(override) == "repeat"]
    if not repeats:
        return list(overrides)
    run = overridden(overrides, "repeat")
    if not run:
        raise ConfigError(f"{repeats[-1]!r} is not understood: give one run directory, as in repeat=<run>.")
    given = [override for override in overrides if _key(override) != "repeat"]
    keys = {_key(override) for override in given}
    for key in ("experiment", "resume"):
        if key in keys:
            raise ConfigError(f"repeat={run} cannot be used with {key}=. Omit one of them.")
    path = Path(run)
    config = load_run_config(path)
    trusted = {override.partition("=")[2] for override in given if _key(override).endswith("_target_")}
    text = python_text(path)
    refuse_given(path, config, f"convboard.run(convboard.load_run({text}).config, run_dir, model=network)")
    refuse_foreign(path, config, trusted=trusted, advice=" by giving it again: {group}._target_={name}")
    return [*_as_overrides(path, config, given), *given]


def _as_overrides(path: Path, config: TrainConfig, given: Sequence[str]) -> Iterator[str]:
    """Yield a config as overrides, but for the groups in which another option or class is given."""
    others = {_key(override): override.partition("=")[2] for override in given}
    for name, value in config.to_dict().items():
        if name in _NOT_REPEATED or name in others:
            continue
        if name not in GROUPS:
            yield _override(path, name, value)
            continue
        if others.get(f"{name}._target_", value.get("_target_")) != value.get("_target_"):
            continue
        option, known = _option(name, value)
        if option:
            yield f"{name}={option}"
            yield from (f"~{name}.{key}" for key in known if key not in value)
        for key, item in value.items():
            if not option or key not in ("_target_", "name"):
                yield _override(path, f"{name}.{key}", item)


def _option(group: str, node: dict[str, Any]) -> tuple[str, list[str]]:
    """Return the option of a group with the same class or name, and the keys in its file; empty if there is none.

    A run is called by the options of its data set and its network. A file that cannot be read is passed over: without
    an option the run has the same config.
    """
    for option, (_, content, _) in options(group).items():
        for key in ("_target_", "name"):
            if key in content and content[key] == node.get(key):
                return option, [str(name) for name in content]
    return "", []


def _override(path: Path, key: str, value: Any) -> str:
    text = format_value(value, quoted=True)
    if "${" in text:
        raise RunError(f"{path} cannot be repeated: {key} has ${{...}} in it, which would be replaced.")
    return f"{key}={text}"


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]
