"""Many configs are composed as one at a time."""

import random

import pytest

from convboard.config.compose import compose_config
from convboard.config.compose_many import ConfigComposer
from convboard.errors import ConvboardError

# fmt: off
TEXTS = [
    "0",
    "1",
    "-1",
    "0.5",
    "1e-3",
    "1_000",
    "007",
    "1.",
    ".5",
    "true",
    "null",
    "nan",
    "inf",
    "'1'",
    "abc",
    "'a,b'",
    "'${seed}'",
    "???",
]
KEYS = {
    "seed": TEXTS,
    "batch_size": TEXTS,
    "data_dir": TEXTS,
    "objective": ["accuracy/val", "loss/test", "zzz"],
    "trainer.max_epochs": TEXTS,
    "trainer.deterministic": TEXTS,
    "trainer.gradient_clip": TEXTS,
    "trainer.threads": TEXTS,
    "trainer.device": ["cpu", "cuda", "gpu"],
    "dataset.random_crop": TEXTS,
    "loss.label_smoothing": TEXTS,
    "optimizer.lr": TEXTS,
    "optimizer.weight_decay": TEXTS,
    "+optimizer.foreach": TEXTS,
    "++optimizer.nesterov": TEXTS,
    "optimizer.betas": ["[0.9,0.99]", "[0.5,0.6]", "{a:1}", "3"],
    "optimizer.betas.a": ["1", "2"],
    "optimizer._target_": ["torch.optim.SGD", "torch.optim.Adam"],
    "model.image_size": TEXTS,
    "model.width": TEXTS,
    "model._target_": ["convboard.models.LeNet", "mine.Net"],
    "scheduler": ["none", "cosine"],
    "optimizer": ["sgd", "adam"],
    "model": ["lenet", "sequential"],
    "experiment": ["lenet", "mnist_99"],
    "~scheduler.rise": [""],
    "trainer.epochs": ["1", "2"],
}


def outcome(compose: object, overrides: list[str]) -> object:
    """The config, or what is told."""
    try:
        config = compose(overrides)  # type: ignore[operator]
    except ConvboardError as error:
        return str(error)
    return repr(config)  # which tells 1 from 1.0, and NaN from nothing


def compare(seed: int, lines: int) -> int:
    """Compose random lines both ways. Returns how many could be."""
    draw = random.Random(seed)
    composer, could_be = ConfigComposer(), 0
    for _ in range(lines):
        keys = draw.sample(sorted(KEYS), draw.randint(1, 4))
        for _ in range(4):
            line = [f"{key}={draw.choice(KEYS[key])}" for key in keys]
            line = [part.removesuffix("=") for part in line]
            wanted = outcome(lambda overrides: compose_config(overrides).config, line)
            assert outcome(composer.compose, line) == wanted, line
            could_be += isinstance(wanted, str) and wanted.startswith("TrainConfig")
    return could_be


@pytest.mark.thorough
def test_many_configs_are_those_of_one_at_a_time() -> None:
    assert compare(seed=0, lines=8) > 3


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 9))
def test_very_many_configs_are_those_of_one_at_a_time(seed: int) -> None:
    assert compare(seed, lines=60) > 20


def test_a_value_that_is_computed_from_another_one_is_computed_anew() -> None:
    composer = ConfigComposer()
    for seed in (1, 2):
        assert composer.compose([f"seed={seed}", "batch_size=${seed}"]).batch_size == seed
