import copy
import dataclasses
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convboard.anatomy.origin import Origin
from convboard.config.groups import TrainerConfig
from convboard.data.batches import Batches
from convboard.errors import ConfigError, ModelError
from convboard.experiment.sanity_check import (
    find_warnings,
    smallest_batch,
    try_schedule,
    try_single_image,
    try_step,
)
from convboard.training.execution_plan.plan import Plan
from convboard.training.losses import OneHotMSE
from convboard.training.schedules import OneCycle, Schedule
from training_setups import make_setup, make_splits

IMAGE_SHAPE = (1, 4, 4)


def make_network(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(16, 3))


def sgd(model: nn.Module, **arguments: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), **{"lr": 0.1, **arguments})


def take(
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    images: int = 100,
    batch_size: int = 10,
    limit: int | None = None,
    **plan: Any,
) -> None:
    limits = TrainerConfig(max_epochs=1, limit_train_batches=limit)
    splits = make_splits(images, batch_size, IMAGE_SHAPE)
    plan = {"device": torch.device("cpu"), **plan}
    setup = make_setup(model, optimizer or sgd(model), limits, splits, plan=Plan(**plan))
    try_step(setup, IMAGE_SHAPE, images, "the optimizer with lr=0.1")


class Changed(nn.Module):
    """Scores that something is done to."""

    def __init__(self, change: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.scores = make_network()
        self.change = change

    def forward(self, images: Tensor) -> Tensor:
        return self.change(self, self.scores(images))


@pytest.mark.parametrize("channels_last", [False, True])
def test_nothing_is_changed(channels_last: bool) -> None:
    model = make_network(nn.BatchNorm1d(16), nn.Dropout()).eval()
    model[1].train()  # modes may differ
    optimizer = sgd(model, momentum=0.9)
    weights, state = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
    modes = [module.training for module in model.modules()]
    numbers, python = torch.get_rng_state(), random.getstate()
    take(model, optimizer, channels_last=channels_last, precision="bf16")
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert optimizer.state_dict() == state
    assert all(parameter.grad is None for parameter in model.parameters())
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), numbers)
    assert random.getstate() == python


def test_random_numbers_are_put_back_after_a_failure_too() -> None:
    def fail(_module: nn.Module, _scores: Tensor) -> Tensor:
        torch.rand(1)
        random.random()
        raise KeyError

    model = Changed(fail)
    numbers, python = torch.get_rng_state(), random.getstate()
    with pytest.raises(ModelError, match="KeyError"):
        take(model)
    assert torch.equal(torch.get_rng_state(), numbers)
    assert random.getstate() == python


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda p: torch.optim.SGD(p, lr=1e300), "value cannot be converted to type float without overflow"),
        (lambda p: torch.optim.SGD(p, lr=0.1, differentiable=True), "a leaf Variable that requires grad"),
        (lambda p: torch.optim.Adam(p, capturable=True), "If capturable=True"),
        (lambda p: torch.optim.SparseAdam(p), "SparseAdam does not support dense gradients"),
    ],
)
def test_an_optimizer_that_cannot_take_a_step(make: Callable[[Any], torch.optim.Optimizer], reason: str) -> None:
    model = make_network()
    message = f"optimizer: the optimizer with lr=0.1 cannot take a step: {reason}"
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}.* Change its arguments, or choose another"):
        take(model, make(model.parameters()))


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(16), nn.Sequential(nn.Unflatten(1, (16, 1, 1)), nn.BatchNorm2d(16))])
class TestABatchOfOne:
    def test_in_the_last_batch(self, layer: nn.Module) -> None:
        kind, place = ("BatchNorm1d", "1") if isinstance(layer, nn.BatchNorm1d) else ("BatchNorm2d", "1.1")
        with pytest.raises(ConfigError) as caught:
            take(make_network(layer, nn.Flatten()), images=1297, batch_size=16)
        assert str(caught.value) == (
            f"{kind} {place} normalises over a batch, and needs more than one value of each channel for that, but a "
            "batch holds a single image: 1297 images in batches of 16 leave one for the last batch of an epoch. Set "
            "batch_size=17, with which no batch is that small."
        )

    def test_in_every_batch(self, layer: nn.Module) -> None:
        with pytest.raises(ConfigError, match=r"a single image: batch_size=1\. Set batch_size=5, with which"):
            take(make_network(layer, nn.Flatten()), images=1297, batch_size=1)

    def test_with_too_few_images(self, layer: nn.Module) -> None:
        with pytest.raises(ConfigError, match=r"a single image: there are 3 to train on: add more images\.$"):
            take(make_network(layer, nn.Flatten()), images=3, batch_size=2)

    def test_never_comes(self, layer: nn.Module) -> None:
        take(make_network(layer, nn.Flatten()), images=1297, batch_size=16, limit=81)


@pytest.mark.parametrize(
    ("images", "batch_size", "limit", "smallest"),
    [(100, 10, None, 10), (101, 10, None, 1), (101, 10, 10, 10), (101, 10, 11, 1), (101, 10, 50, 1), (7, 7, 1, 7)],
)
def test_the_smallest_batch(images: int, batch_size: int, limit: int | None, smallest: int) -> None:
    assert smallest_batch(images, batch_size, limit) == smallest


def test_whether_every_step_trains_all_weights() -> None:
    def step(model: nn.Module) -> bool:
        training = try_step(make_setup(model, splits=make_splits(20, 10, IMAGE_SHAPE)), IMAGE_SHAPE, 20, "")
        assert training is not None
        return training.uses_all_weights

    assert step(make_network(nn.Dropout()))
    unused = make_network()
    unused.other = nn.Parameter(torch.ones(1))
    assert not step(unused)
    assert not step(Changed(lambda _, scores: scores * (random.random() < 2)))  # it may skip a layer in another step


class NoGradients(nn.Module):
    """Runs without gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.net = make_network()

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            scores: Tensor = self.net(x)
        return scores


def test_scores_without_a_gradient() -> None:
    with pytest.raises(ModelError, match=r"^The network cannot learn: no gradient leads from its scores back"):
        take(Changed(lambda _, scores: scores.detach()))
    with pytest.raises(ModelError, match=r"runs under torch\.no_grad\(\) \(.*\)\. Remove it from forward\.$"):
        take(NoGradients())
    with pytest.raises(ModelError, match=r"round has no gradient \(.*\)\. Return the scores without round\.$"):
        take(Changed(lambda _, scores: scores.sigmoid().round()))
    with pytest.raises(ModelError, match=r"argmax has no gradient \(.*\)\. Return the scores without argmax\.$"):
        take(Changed(lambda _, scores: nn.functional.one_hot(scores.argmax(1), 3).float()))
    frozen = make_network().requires_grad_(False)
    with pytest.raises(ModelError, match=r"requires_grad=False\.$"):
        take(frozen, sgd(make_network()))


def test_a_layer_in_another_precision() -> None:
    with pytest.raises(ModelError, match=r"(?s)Linear 1 has weights in float16, .* leave out \.half\(\)"):
        take(make_network().half())


def test_a_batch_that_is_squeezed_away() -> None:
    with pytest.raises(ModelError, match=r"^The network gives \[3\] for a batch of 1: the batch dimension must be"):
        take(Changed(lambda _, scores: scores.squeeze()), images=11, batch_size=10)


class TestABatchOfOneToEvaluate:
    """Of 83 images in batches of 41, one is left."""

    def evaluate(self, model: nn.Module, val: int = 80, test: int = 83, **limits: Any) -> None:
        splits = make_splits(50, 41, IMAGE_SHAPE)
        small = {name: replace_batch_size(getattr(splits, name), 41) for name in ("val", "test")}
        setup = make_setup(model, limits=TrainerConfig(**limits), splits=dataclasses.replace(splits, **small))
        try_single_image(setup, IMAGE_SHAPE, {"val": val, "test": test})

    def test_that_is_squeezed_away(self) -> None:
        squeezing = Changed(lambda _, scores: scores.squeeze())
        for test in (83, 84):  # 84 leave no batch of one, but feature_maps gives the network single images
            with pytest.raises(ModelError) as caught:
                self.evaluate(squeezing, test=test)
            assert str(caught.value) == (
                "The network gives [3] for a batch of 1: the batch dimension must be kept. If its forward drops "
                "dimensions, name them: write torch.flatten(x, start_dim=1) or x.squeeze((2, 3)) for x.squeeze()."
            )

    def test_that_raises(self) -> None:
        def refuse(_module: nn.Module, scores: Tensor) -> Tensor:
            return scores if len(scores) > 1 else scores.view(2, -1)

        with pytest.raises(ModelError, match=r"works only with batches of 2 images"):
            self.evaluate(Changed(refuse), val=42)

    def test_that_is_fine(self) -> None:
        self.evaluate(make_network(nn.BatchNorm1d(16)))


def replace_batch_size(batches: Batches, batch_size: int) -> Batches:
    changed = copy.copy(batches)
    changed.batch_size = batch_size
    return changed


class TestWarnings:
    def warnings_of(self, model: nn.Module, **changes: Any) -> list[str]:
        setup = make_setup(model, splits=make_splits(100, 10, IMAGE_SHAPE), **changes)
        training = try_step(setup, IMAGE_SHAPE, 100, "the optimizer")
        return [warning.word for warning in find_warnings(setup, IMAGE_SHAPE, training, Origin())]

    def test_of_a_network_that_is_fine(self) -> None:
        assert self.warnings_of(make_network(nn.Dropout(), nn.BatchNorm1d(16))) == []

    def test_depend_on_the_loss(self) -> None:
        assert self.warnings_of(make_network(nn.Linear(16, 16)).append(nn.Softmax(1))) == ["softmax"]
        assert self.warnings_of(make_network().append(nn.Softmax(1)), loss=OneHotMSE()) == []

    def test_of_a_learning_rate_of_zero(self) -> None:
        model = make_network()
        assert self.warnings_of(model, optimizer=sgd(model, lr=0.0)) == ["no learning"]

    def test_of_weights_that_the_optimizer_lacks(self) -> None:
        model = make_network(nn.Linear(16, 16))
        assert self.warnings_of(model, optimizer=sgd(model[2])) == ["not trained"]

    def test_of_a_network_that_cannot_be_copied(self) -> None:
        model = Changed(lambda _, scores: scores.softmax(1))
        model.cached = model.scores(torch.zeros(1, *IMAGE_SHAPE))
        assert self.warnings_of(model) == ["softmax"]

    def test_do_not_end_a_run_that_they_fail_on(self) -> None:
        def refuse_noise(module: nn.Module, scores: Tensor) -> Tensor:
            assert module.training
            return scores

        assert self.warnings_of(Changed(refuse_noise)) == []


def test_an_error_of_the_network_s_own_names_its_line() -> None:
    def fail_in_training(module: nn.Module, scores: Tensor) -> Tensor:
        if module.training:
            raise ValueError("of my own")
        return scores

    with pytest.raises(
        ModelError, match=r"in fail_in_training:\n    raise ValueError\(\"of my own\"\)\n\nValueError: of my"
    ):
        take(Changed(fail_in_training))


def test_a_network_that_cannot_be_copied_is_not_tried_out() -> None:
    model = Changed(lambda _, scores: scores.detach())
    model.cached = model.scores(torch.zeros(1, *IMAGE_SHAPE))
    take(model)


def test_a_schedule_that_is_one() -> None:
    try_schedule(make_setup(make_network(), schedule=OneCycle()), "OneCycle")


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (nn.ReLU(), "'mine' is not a schedule: it cannot be called with a step, the total number of steps and"),
        ({}, "'mine' is not a schedule: it cannot be called"),
        (lambda *_: None, "'mine' returns None for step 0 of 36, where the factor of the learning rate must be a"),
        (lambda *_: -1, "'mine' returns -1 for step 0 of 36"),
        (lambda step, *_: float("nan") if step else 1.0, "'mine' returns nan for step 35 of 36"),
    ],
)
def test_what_is_no_schedule(schedule: Schedule, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^scheduler\._target_={re.escape(message)}.* as in scheduler=cosine\.$"):
        try_schedule(make_setup(make_network(), limits=TrainerConfig(max_epochs=9), schedule=schedule), "mine")
