"""Steps of torch's optimizers without importing torch.compile, whose import takes longer than the rest of torch.

Several methods of `torch.optim.Optimizer` import `torch._dynamo` in their first call, only to exclude themselves from
compilation. A step that is not compiled does not need this. The functions here rely on private names of torch. If one
is missing or not as expected, or a step has hooks, they use the public interface of torch.
"""

import inspect
import sys
from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim import SGD, Optimizer

_EXCLUDED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


def skip_dynamo_import() -> None:
    """Let optimizers be built, cleared, saved and loaded without importing `torch._dynamo`.

    It must be called before the first one is built. `torch._disable_dynamo` caches the function that it returns as an
    attribute of the original; here that attribute is set to the original itself.
    """
    for name in _EXCLUDED:
        function = getattr(getattr(Optimizer, name, None), "__wrapped__", None)
        if function is not None and not hasattr(function, "__dynamo_disable"):
            setattr(function, "__dynamo_disable", function)


def is_of_torch(optimizer: Optimizer) -> bool:
    """Return whether the optimizer is one of `torch.optim`, not of a subclass of one."""
    return f"{type(optimizer).__module__}.".startswith("torch.optim.")


def take_step(optimizer: Optimizer) -> None:
    """Take the optimizer's step on the present gradients, bit for bit like `optimizer.step()`.

    Fused SGD refuses a step in which some weights have a momentum buffer and others get their first gradient, as in a
    network that skips layers at random. The two kinds of weights are then updated one after the other.
    """
    if not is_of_torch(optimizer) or _does_more(optimizer):
        optimizer.step()
        return
    step = inspect.unwrap(type(optimizer).step)
    with torch.no_grad():
        if isinstance(optimizer, SGD) and (new := _without_momentum_buffer(optimizer)):
            _step_in_turn(optimizer, step, new)
        else:
            step(optimizer)


def _without_momentum_buffer(optimizer: SGD) -> set[Tensor]:
    """Return the weights of fused SGD that get their first gradient; none if this holds for all weights."""
    if len(optimizer.state) in (0, sum(len(group["params"]) for group in optimizer.param_groups)):
        return set()  # no weight has a buffer, or all have: no need to look at each
    return {
        weight
        for group in optimizer.param_groups
        if group["fused"] and group["momentum"]
        for weight in group["params"]
        if weight.grad is not None and optimizer.state.get(weight, {}).get("momentum_buffer") is None
    }


def _step_in_turn(optimizer: SGD, step: Callable[[Optimizer], object], first: set[Tensor]) -> None:
    """Update the weights in `first`, and then the others."""
    weights = [group["params"] for group in optimizer.param_groups]
    try:
        for is_first in (True, False):
            for group, own in zip(optimizer.param_groups, weights, strict=True):
                group["params"] = [weight for weight in own if (weight in first) is is_first]
            step(optimizer)
    finally:
        for group, own in zip(optimizer.param_groups, weights, strict=True):
            group["params"] = own


def _does_more(optimizer: Optimizer) -> bool:
    """Return whether the step has hooks or is replaced or differentiated, or torch is not as expected."""
    if optimizer.defaults.get("differentiable") or "step" in vars(optimizer):  # torch's schedulers replace `step`
        return True
    module = sys.modules[Optimizer.__module__]
    try:
        hooks = (
            optimizer._optimizer_step_pre_hooks,
            optimizer._optimizer_step_post_hooks,
            module._global_optimizer_pre_hooks,
            module._global_optimizer_post_hooks,
        )
    except AttributeError:
        return True
    return any(hooks)
