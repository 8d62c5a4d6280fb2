"""Steps of torch's optimizers without importing torch.compile, whose import takes longer than the rest of torch.

Several methods of `torch.optim.Optimizer` import `torch._dynamo` in their first call, only to exclude themselves from
compilation. A step that is not compiled does not need this. The functions here rely on private names of torch. If one
is missing or not as expected, or a step has hooks, they use the public interface of torch.
"""

import inspect
import sys

import torch
from torch.optim import Optimizer

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


def take_step(optimizer: Optimizer) -> None:
    """Take the optimizer's step on the present gradients, bit for bit like `optimizer.step()`."""
    if not type(optimizer).__module__.startswith("torch.optim.") or _does_more(optimizer):
        optimizer.step()
        return
    with torch.no_grad():
        inspect.unwrap(type(optimizer).step)(optimizer)


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
