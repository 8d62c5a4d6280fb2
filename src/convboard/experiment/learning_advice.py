"""What to do if a run does not learn, with the keys of the config and the learning rate that was given."""

import torch

_USUAL_RATES = {torch.optim.SGD: 0.02, torch.optim.RMSprop: 0.001}  # as in conf/optimizer; of any other, that of Adam
_RATE_OF_ADAM = 0.003
_FAR_ABOVE = 50  # times the usual rate


def no_learning_advice(lr: float) -> str:
    """Return what to check if a network does not learn with this learning rate."""
    return (
        f"Check the warnings above, if there are any; then try optimizer.lr={lr / 10:.3g} and optimizer.lr="
        f"{lr * 10:.3g}. The Layers tab shows under Health which layers are dead or get no gradient, and input/probe "
        "in the Images tab the images and their classes."
    )


def divergence_advice(optimizer: torch.optim.Optimizer) -> str:
    """Return what to do if the loss is not finite with the optimizer's learning rate."""
    usual, lr = _usual_rate(optimizer), learning_rate(optimizer)
    if lr > _FAR_ABOVE * usual:  # clipping and a warm-up only delay it
        return f"optimizer.lr={lr:.3g} is far above the usual: try optimizer.lr={usual}."
    return (
        f"Try an optimizer.lr below {lr:.3g}, a warm-up (scheduler.warmup_epochs=1), trainer.gradient_clip=1, "
        "or trainer.precision=fp32 if it was bf16."
    )


def no_change_advice(optimizer: torch.optim.Optimizer) -> str:
    """Return what to do if the weights do not change: the learning rate is too small, or the gradients are."""
    usual, lr = _usual_rate(optimizer), learning_rate(optimizer)
    if lr < usual:
        return f"optimizer.lr={lr:.3g} is too small to learn: try optimizer.lr={usual}."
    return (
        f"optimizer.lr={lr:.3g} is large enough ({usual} is usual), so the gradients are too small: look for saturated "
        "activations such as sigmoid, initial weights that are nearly zero or very large, and scores or a loss that "
        "are multiplied by a small number. Batch norm before each activation helps."
    )


def _usual_rate(optimizer: torch.optim.Optimizer) -> float:
    return _USUAL_RATES.get(type(optimizer), _RATE_OF_ADAM)


def learning_rate(optimizer: torch.optim.Optimizer) -> float:
    """Return the learning rate as it was given, if the optimizer has taken no step."""
    return float(optimizer.param_groups[0]["lr"])
