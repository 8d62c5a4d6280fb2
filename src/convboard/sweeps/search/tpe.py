"""Proposals by the tree-structured Parzen estimator of Optuna, which keeps no state from one to the next.

Bergstra et al., Algorithms for hyper-parameter optimization, NeurIPS 2011. With constant liar: a setting that is still
being tried counts as a bad one, so that several workers do not propose the same.
"""

from collections.abc import Iterable, Mapping

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from convboard.sweeps.search.history import Outcome
from convboard.sweeps.search.space import Choices, Dimension, Interval, Space
from convboard.sweeps.store.entries import State

_STATES = {State.FINISHED: TrialState.COMPLETE, State.PRUNED: TrialState.PRUNED, State.FAILED: TrialState.FAIL}


def propose(
    space: Space, settings: Iterable[tuple[Mapping[str, str], Outcome | None]], is_maximised: bool, seed: int
) -> dict[str, str]:
    """Propose a setting. Equal arguments give equal proposals.

    Args:
        space: The space.
        settings: The settings that were tried before, each with its outcome, or None while it is being tried.
        is_maximised: Whether a larger objective is better.
        seed: Seed of the random numbers, from 0 to 2**32 - 1.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
    study = optuna.create_study(direction="maximize" if is_maximised else "minimize", sampler=sampler)
    distributions = {key: _distribution(dimension) for key, dimension in space.dimensions.items()}
    study.add_trials(_known(space, setting, outcome, distributions) for setting, outcome in settings)
    chosen = study.ask(distributions).params
    return {key: _text(dimension, chosen[key]) for key, dimension in space.dimensions.items()}


def _known(
    space: Space, setting: Mapping[str, str], outcome: Outcome | None, distributions: dict[str, BaseDistribution]
) -> FrozenTrial:
    """Return a setting that was tried, as Optuna describes it."""
    parameters = {key: _parameter(dimension, setting[key]) for key, dimension in space.dimensions.items()}
    if outcome is None:
        return create_trial(state=TrialState.RUNNING, params=parameters, distributions=distributions)
    values = {} if outcome.value is None else {outcome.epochs or 1: outcome.value}
    return create_trial(
        state=_STATES[outcome.state],
        value=outcome.value if outcome.state is State.FINISHED else None,
        intermediate_values=values,
        params=parameters,
        distributions=distributions,
    )


def _distribution(dimension: Dimension) -> BaseDistribution:
    match dimension:
        case Choices(texts, is_ordered=True):
            return IntDistribution(0, len(texts) - 1)
        case Choices(texts):
            return CategoricalDistribution(texts)
        case Interval(low, high, is_integer=True, is_log=is_log):
            return IntDistribution(int(low), int(high), log=is_log)
        case Interval(low, high, is_log=is_log):
            return FloatDistribution(low, high, log=is_log)


def _parameter(dimension: Dimension, text: str) -> str | int | float:
    """Return a value as Optuna has it."""
    match dimension:
        case Choices(texts, is_ordered=True):
            return texts.index(text)
        case Choices():
            return text
        case Interval(is_integer=True):
            return int(text)
        case Interval():
            return float(text)


def _text(dimension: Dimension, parameter: str | int | float) -> str:
    """Return a value of Optuna as the text of an override."""
    match dimension:
        case Choices(texts, is_ordered=True):
            return texts[int(parameter)]
        case Choices():
            return str(parameter)
        case Interval():
            return dimension.format(float(parameter))
