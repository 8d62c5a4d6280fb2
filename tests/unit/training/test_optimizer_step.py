import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from convboard.training.optimizer_step import skip_dynamo_import, take_step
from python_code import printed

Make = Callable[[Iterable[nn.Parameter]], Optimizer]
OPTIMIZERS: dict[str, Make] = {
    "sgd": lambda p: SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "fused sgd": lambda p: SGD(p, lr=0.1, momentum=0.9, fused=True),
    "adam": lambda p: Adam(p, amsgrad=True),
    "fused adamw": lambda p: AdamW(p, fused=True),
    "rmsprop": lambda p: RMSprop(p, momentum=0.9, centered=True),
}


def trained(make: Make, step: Callable[[Optimizer], Any]) -> list[nn.Parameter]:
    """The weights after three steps."""
    torch.manual_seed(0)
    weights: list[nn.Parameter] = [nn.Parameter(torch.randn(4, 3)), nn.Parameter(torch.randn(3))]
    optimizer = make(weights)
    for _ in range(3):
        for weight in weights:
            weight.grad = torch.randn_like(weight)
        step(optimizer)
    return weights


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_update_is_the_optimizers_step_to_the_last_bit(name: str) -> None:
    for updated, stepped in zip(
        trained(OPTIMIZERS[name], take_step), trained(OPTIMIZERS[name], lambda o: o.step()), strict=True
    ):
        assert torch.equal(updated, stepped)


@pytest.mark.parametrize("arguments", [{"nesterov": True}, {"dampening": 0.5, "weight_decay": 0.1}])
def test_fused_sgd_updates_weights_that_get_their_first_gradient_later(arguments: dict[str, Any]) -> None:
    """Networks that skip layers at random leave some weights without a gradient in some steps."""

    def skipping(fused: bool) -> list[nn.Parameter]:
        torch.manual_seed(0)
        weights = [nn.Parameter(torch.randn(4, 3)) for _ in range(4)]
        groups = [{"params": weights[:3]}, {"params": weights[3:]}]
        optimizer = SGD(groups, lr=0.1, momentum=0.9, fused=fused, **arguments)
        for step in range(4):
            for index, weight in enumerate(weights):
                weight.grad = torch.randn_like(weight) if index <= step else None
            take_step(optimizer)
            assert [len(group["params"]) for group in optimizer.param_groups] == [3, 1]
        return weights

    torch.testing.assert_close(skipping(fused=True), skipping(fused=False))


def test_hooks_around_the_step_are_called() -> None:
    weight = nn.Parameter(torch.ones(2))
    optimizer = SGD([weight], lr=0.1)
    called = []
    optimizer.register_step_post_hook(lambda *_: called.append(True))
    take_step(optimizer)
    assert called == [True]


def test_hooks_around_the_steps_of_all_optimizers_are_called() -> None:
    weight = nn.Parameter(torch.ones(2))
    called = []
    before = register_optimizer_step_pre_hook(lambda *_: called.append("before"))
    after = register_optimizer_step_post_hook(lambda *_: called.append("after"))
    try:
        take_step(SGD([weight], lr=0.1))
    finally:
        before.remove()
        after.remove()
    assert called == ["before", "after"]


class TestATorchWithoutAPrivateName:
    """As a later version may be: its public step is taken, and gives the same."""

    @pytest.fixture
    def optimizer(self) -> Optimizer:
        return SGD([nn.Parameter(torch.ones(2))])

    @pytest.fixture
    def public_steps(self, optimizer: Optimizer, monkeypatch: pytest.MonkeyPatch) -> list[Optimizer]:
        """The optimizers whose public step was taken, in place of SGD's; what it wraps must not be called."""
        taken: list[Optimizer] = []

        def step(optimizer: Optimizer) -> None:
            taken.append(optimizer)

        def wrapped(optimizer: Optimizer) -> None:
            raise AssertionError

        monkeypatch.setattr(step, "__wrapped__", wrapped, raising=False)
        monkeypatch.setattr(SGD, "step", step)
        return taken

    @pytest.mark.parametrize("name", ["_global_optimizer_pre_hooks", "_global_optimizer_post_hooks"])
    def test_of_the_module(
        self, name: str, optimizer: Optimizer, public_steps: list[Optimizer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delattr(sys.modules[Optimizer.__module__], name)
        take_step(optimizer)
        assert public_steps == [optimizer]

    @pytest.mark.parametrize("name", ["_optimizer_step_pre_hooks", "_optimizer_step_post_hooks"])
    def test_of_the_optimizer(self, name: str, optimizer: Optimizer, public_steps: list[Optimizer]) -> None:
        delattr(optimizer, name)
        take_step(optimizer)
        assert public_steps == [optimizer]

    def test_a_step_that_wraps_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        expected = trained(OPTIMIZERS["fused sgd"], take_step)
        monkeypatch.delattr(SGD.step, "__wrapped__")
        assert all(map(torch.equal, trained(OPTIMIZERS["fused sgd"], take_step), expected))

    def test_methods_that_are_not_excluded_from_compilation(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(Optimizer, "zero_grad")
        monkeypatch.setattr(Optimizer, "state_dict", dict)
        function = Optimizer.add_param_group.__wrapped__  # type: ignore[attr-defined]
        monkeypatch.delattr(function, "__dynamo_disable", raising=False)
        skip_dynamo_import()
        assert getattr(function, "__dynamo_disable") is function


class Halving(SGD):
    """A user's own optimizer, which torch's decorators know nothing of."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.mul_(0.5)


def test_a_class_of_ones_own_takes_its_own_step() -> None:
    weight = nn.Parameter(torch.ones(2))
    take_step(Halving([weight], lr=0.1))
    assert weight.tolist() == [0.5, 0.5]


@pytest.mark.thorough
def test_training_does_not_import_what_compiles() -> None:
    """It takes longer than the rest of torch; making, stepping, clearing, saving and loading ask for it in turn."""
    code = """
import sys, torch
from torch.optim import SGD, AdamW, RMSprop
from convboard.training.optimizer_step import skip_dynamo_import, take_step
skip_dynamo_import()
for make in (lambda p: SGD(p, fused=True), AdamW, RMSprop):
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = make([weight])
    weight.sum().backward()
    take_step(optimizer)
    optimizer.zero_grad()
    optimizer.load_state_dict(optimizer.state_dict())
print("torch._dynamo" in sys.modules)
"""
    assert printed(code) == "False\n"
