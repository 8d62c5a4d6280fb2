"""Does this network fit these images and classes? Asked before the first step of a training."""

from typing import NoReturn

from torch import Tensor, nn

from convboard.anatomy.dry_run import DryRun, dry_run
from convboard.anatomy.mistakes import explain
from convboard.anatomy.trace import Shape
from convboard.errors import ModelError


def check_fit(model: nn.Module, input_shape: Shape, num_classes: int) -> None:
    """Run a network once on two black images and explain it if that does not work.

    The network, its modes and buffers and the random numbers are left as they were.

    Args:
        model: Any network.
        input_shape: (C, H, W) of the images.
        num_classes: How many numbers the network must give for each image.

    Raises:
        ModelError: They do not fit. The message names the layer, what arrived, what it wanted, the number
            that would be right, and what to do.
        Exception: Whatever else the network's own forward raises, untouched.
    """
    run = dry_run(model, input_shape)
    raise_explained(model, run)
    _check_output(run, num_classes)


def raise_explained(model: nn.Module, run: DryRun) -> None:
    """Raise what a dry run raised, if anything: as a ModelError where the mistake is a known one."""
    if run.error is None:
        return
    explanation = explain(model, run)
    if explanation is None:
        raise run.error
    raise ModelError(explanation) from run.error


def _check_output(run: DryRun, num_classes: int) -> None:
    """The network must give ``[N, num_classes]``."""
    output = run.output
    if not isinstance(output, Tensor):
        raise ModelError(
            f"The network returns a {type(output).__name__} instead of one tensor [N, {num_classes}]: "
            "return the scores of the classes alone."
        )
    shape = tuple(output.shape)
    if shape == (run.batch_size, num_classes):
        return
    wanted = f"a row of {num_classes} scores for each image"
    if len(shape) == 2 and shape[0] == run.batch_size:
        _wrong_classes(run, shape[1], num_classes)
    if len(shape) == 2 and shape[1] == num_classes:
        raise ModelError(
            f"The network makes {shape[0]} rows of {run.batch_size} images, not {wanted}: somewhere the batch is "
            "reshaped too. Flatten with torch.flatten(x, start_dim=1) or nn.Flatten() instead of "
            "view(-1, ...)."
        )
    sizes = ", ".join(["N", *map(str, shape[1:])]) if shape[:1] == (run.batch_size,) else str(list(shape))[1:-1]
    raise ModelError(
        f"The network gives [{sizes}] instead of {wanted}. Let it end with nn.Flatten() and "
        f"nn.LazyLinear({num_classes}); in a list of layers, with flatten and linear."
    )


def _wrong_classes(run: DryRun, given: int, num_classes: int) -> NoReturn:
    """The number of scores is not that of the classes."""
    last = run.calls[-1] if run.calls else None
    layer = f" (out_features of {last.name})" if last and isinstance(last.module, nn.Linear) else ""
    raise ModelError(
        f"The network gives {given} scores an image, but the data has {num_classes} classes: leave num_classes "
        f"to be filled in from the data, or set it to {num_classes}{layer}."
    )
