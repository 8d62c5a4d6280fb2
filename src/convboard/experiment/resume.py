"""The config of a resumed run: its own, with the few keys that the command line may change."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from convboard.config.command_line import assignment, format_value
from convboard.config.schema import OPEN_GROUPS, TrainConfig, literal, to_config
from convboard.config.trusted_targets import foreign_targets
from convboard.errors import ConfigError, ConvboardError
from convboard.experiment.run_dir import GIVEN, load_run_config, python_text, refuse_foreign, refuse_given

MAY_CHANGE = (
    "trainer.max_epochs",
    "trainer.checkpoint_minutes",
    "trainer.rank_timeout",
    "board",
    "data_dir",
    "dataset.path",
    "dataset.num_workers",
)
_OWN = ("convboard.", "torch.optim.")


def resumed_config(composed: DictConfig, overrides: Sequence[str]) -> TrainConfig:
    """Read the config of the run that `composed.resume` names, and apply the overrides that may change it.

    Args:
        composed: The config that Hydra composed of defaults and overrides.
        overrides: The overrides of the command line, as `key=value`.

    Raises:
        RunError: There is no run; it names code that is not convboard's own; or it was given a network from Python.
        ConfigError: A key was given that a resumed run cannot change.
    """
    path = Path(composed.resume)
    run_config = load_run_config(path)
    config = OmegaConf.create(literal(run_config.to_dict()))
    given = [override.lstrip("+~").partition("=")[0].replace("/", ".") for override in overrides]
    changed = []
    for key in given:
        if _may_change(key):
            OmegaConf.update(config, key, OmegaConf.select(composed, key), merge=False)
        elif key == "experiment":
            changed.append("a preset changes more than may change")
        elif key.split(".")[0] not in ("resume", "hydra"):
            changed += _differences(key, *(_plain(OmegaConf.select(node, key)) for node in (config, composed)))
    if changed:
        raise ConfigError(
            f"resume={composed.resume}: {'; '.join(changed)}. A resumed run keeps its config, but for "
            f"{', '.join(MAY_CHANGE)}. Omit the other keys, or start a new run."
        )
    trusted = {str(OmegaConf.select(composed, key)) for key in given if key.endswith("_target_")}
    refuse_given(path, run_config, resume_call(path, run_config))
    refuse_foreign(path, run_config, trusted=trusted, advice=" by giving it again: {group}._target_={name}")
    return replace(to_config(config), resume=str(path))


def _plain(node: object) -> object:
    return OmegaConf.to_container(node, resolve=True) if isinstance(node, DictConfig) else node


def _differences(key: str, old: object, new: object) -> Iterator[str]:
    """Describe how `key` differs from the run's: for a group, that it is another option, or else which of its keys."""
    if old == new or _may_change(key):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        kind = next((name for name in ("_target_", "name") if old.get(name) != new.get(name)), None)
        if kind is None:
            for name in old | new:
                yield from _differences(f"{key}.{name}", old.get(name), new.get(name))
            return
        old, new = (str(node.get(kind)).rpartition(".")[2] for node in (old, new))
    yield f"{key} is {format_value(old)} in that run, not {format_value(new)}"


def _may_change(key: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in MAY_CHANGE)


def resume_overrides(path: Path) -> list[str]:
    """The overrides of the command line that resume a run: `resume=run`, and each class that is not convboard's own.

    Nothing is imported to tell which those are, since a signal may have come in the middle of an import.
    """
    try:
        config = load_run_config(path)
    except ConvboardError:  # to resume it will say what is wrong with it
        return [assignment("resume", os.path.relpath(path))]
    targets = {group: str(getattr(config, group)["_target_"]) for group in OPEN_GROUPS}
    foreign = [f"{group}._target_={name}" for group, name in targets.items() if not name.startswith(_OWN)]
    return [assignment("resume", os.path.relpath(path)), *foreign]


def resume_call(path: Path, config: TrainConfig) -> str:
    """The Python call that resumes a run: `convboard.resume("run", trust=True)`, with the arguments that it needs."""
    arguments = [python_text(path)]
    groups = list(OPEN_GROUPS)
    if GIVEN in config.model:
        arguments.append("model=network")
        groups.remove("model")
    if any(foreign_targets(group, getattr(config, group)) for group in groups):
        arguments.append("trust=True")
    return f"convboard.resume({', '.join(arguments)})"
