"""What to do if a run does not learn."""

import pytest
import torch
from torch import nn

from convboard.config.compose import compose_config
from convboard.config.conf_folders import CONF
from convboard.config.instantiate import resolve
from convboard.experiment.learning_advice import divergence_advice, no_change_advice

OPTIMIZERS = sorted(file.stem for file in (CONF / "optimizer").glob("*.yaml"))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_advised_rate_is_that_of_the_option(name: str) -> None:
    config = compose_config([f"optimizer={name}"]).config
    usual = config.optimizer["lr"]
    for lr, advice in {
        usual / 100: f"optimizer.lr={usual / 100:.3g} is too small to learn: try optimizer.lr={usual}.",
        usual: f"optimizer.lr={usual:.3g} is large enough ({usual} is usual), so the gradients are too small: look",
        usual * 5: f"optimizer.lr={usual * 5:.3g} is large enough ({usual} is usual), so the gradients are too small",
    }.items():
        target = resolve("optimizer", {**config.optimizer, "lr": lr})
        assert no_change_advice(target.build(nn.Linear(1, 1).parameters())).startswith(advice)


@pytest.mark.parametrize(
    ("lr", "advice"),
    [
        (0.1, "Try an optimizer.lr below 0.1, a warm-up (scheduler.warmup_epochs=1)"),
        (50.0, "optimizer.lr=50 is far above the usual: try optimizer.lr=0.02."),
    ],
)
def test_a_diverging_run_gets_a_rate_that_works(lr: float, advice: str) -> None:
    assert divergence_advice(torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=lr)).startswith(advice)
