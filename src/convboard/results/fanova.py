"""The importance of keys by fANOVA, with the random forest of Optuna, which is an optional dependency.

(Hutter et al., An Efficient Approach for Assessing Hyperparameter Importance, ICML 2014)
"""

from collections.abc import Mapping, Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.importance import FanovaImportanceEvaluator

_MANY = 100  # settings from which on fewer trees are grown, so that it takes no more than about a second


def fanova_shares(columns: Mapping[str, Sequence[int | str]], means: Sequence[float]) -> dict[str, float]:
    """Return the share of the variance that each key explains alone. Equal arguments give equal shares.

    Args:
        columns: The values of each key, at least two of which differ: whole numbers from 0, which have an order, or
            texts.
        means: The mean objective of each setting.

    Raises:
        RuntimeError: The forest has found no variance.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {key: _distribution(column) for key, column in columns.items()}
    study = optuna.create_study()
    for at, mean in enumerate(means):
        chosen = {key: column[at] for key, column in columns.items()}
        study.add_trial(optuna.create_trial(params=chosen, distributions=distributions, value=mean))
    trees = 64 if len(means) <= _MANY else 16
    shares = FanovaImportanceEvaluator(n_trees=trees, seed=0).evaluate(study)
    return {key: float(share) for key, share in shares.items()}


def _distribution(column: Sequence[int | str]) -> BaseDistribution:
    numbers = [value for value in column if isinstance(value, int)]
    if numbers:
        return IntDistribution(0, max(numbers))
    return CategoricalDistribution(sorted({str(value) for value in column}))
