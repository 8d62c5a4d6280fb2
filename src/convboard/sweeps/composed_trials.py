"""The trials of a sweep, composed from the values on its command line."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from convboard.config.compose_many import ConfigComposer
from convboard.config.stored_config import with_absolute_paths
from convboard.errors import ConfigError
from convboard.sweeps.grid import Setting, grid, named
from convboard.sweeps.store.trials import Trial, folder_name, with_shared_parts


def new_trials(
    overrides: Sequence[str],
    rows: Iterable[Mapping[str, str]] = ({},),
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> list[Trial]:
    """Compose and check the trials of a sweep.

    Args:
        overrides: The overrides of its command line.
        rows: Values that belong together, see `grid`.
        on_progress: Is called with the number of trials that are composed, and of all.

    Raises:
        ConfigError: A trial cannot be; its values are named. Or the trials have different objectives.
    """
    return compose_trials(grid(overrides, rows), on_progress)


def compose_trials(
    settings: Sequence[Setting], on_progress: Callable[[int, int], None] = lambda *_: None
) -> list[Trial]:
    """Compose and check the trials of settings; see `new_trials`.

    Raises:
        ConfigError: A trial cannot be; its values are named. Or the trials have different objectives.
    """
    composer = ConfigComposer()
    trials: list[Trial] = []
    parts: dict[str, Any] = {}
    for number, setting in enumerate(settings):
        with named(setting, settings):
            config = composer.compose(setting.overrides)
        plain = with_absolute_paths(config).to_dict()
        trial = Trial(number, setting.overrides, dict(setting.swept), folder_name(setting.swept), plain)
        trials.append(with_shared_parts(trial, parts))
        on_progress(number + 1, len(settings))
    objectives = list(dict.fromkeys(str(trial.config["objective"]) for trial in trials))
    if len(objectives) > 1:
        raise ConfigError(f"objective={','.join(objectives)}: the trials of a sweep are compared by one objective.")
    return trials
