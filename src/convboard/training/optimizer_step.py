"""Steps of torch's optimizers without torch.compile, whose import takes longer than that of the rest of torch.

Several methods of `torch.optim.Optimizer` import `torch._dynamo` when they are first called, only to tell it that it
is not to look into them. Nothing of that concerns a step that is not compiled. Where torch looks different from what
is expected here, or a step needs more than its own code, torch's usual way is taken.
"""

import inspect

import torch
from torch.optim import Optimizer
from torch.optim import optimizer as _of_all

_MARKED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


def skip_dynamo_import() -> None:
    """Let an optimizer be made, cleared, saved and loaded without importing `torch._dynamo`.

    To be called before the first one is made. `torch._disable_dynamo` remembers on each function what it has made of
    it; this puts there the function itself.
    """
    for name in _MARKED:
        function = getattr(getattr(Optimizer, name), "__wrapped__", None)
        if function is not None and not hasattr(function, "__dynamo_disable"):
            setattr(function, "__dynamo_disable", function)


def update(optimizer: Optimizer) -> None:
    """Take the optimizer's step on the gradients that are there: the same as `optimizer.step()`, to the last bit."""
    if not type(optimizer).__module__.startswith("torch.optim.") or _needs_more(optimizer):
        optimizer.step()
        return
    with torch.no_grad():
        inspect.unwrap(type(optimizer).step)(optimizer)


def _needs_more(optimizer: Optimizer) -> bool:
    """Whether something is to happen around the step, or it is to be differentiated."""
    return bool(
        optimizer.defaults.get("differentiable")
        or "step" in vars(optimizer)  # as learning-rate schedulers of torch put it there
        or optimizer._optimizer_step_pre_hooks
        or optimizer._optimizer_step_post_hooks
        or _of_all._global_optimizer_pre_hooks
        or _of_all._global_optimizer_post_hooks
    )
