"""Check that a network fits the images and classes, before the first training step.

`diagnostics` is loaded only when something has failed: a run of a network that fits does not need it.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from convboard.anatomy.dry_run import DryRun, dry_run
from convboard.anatomy.origin import Origin
from convboard.anatomy.trace import Shape


def check_fit(model: nn.Module, input_shape: Shape, num_classes: int, origin: Origin | None = None) -> None:
    """Run a network once on two black images, and raise an error if it does not fit them.

    The network, its modes and buffers and the random numbers stay unchanged. If the network does not fit, remedies are
    tried on copies before they are suggested; for this the factory, or the network's class, may be called again.

    Args:
        model: Any network.
        input_shape: (C, H, W) of the images.
        num_classes: How many logits the network must return for each image.
        origin: How the network was built; None if it is not known.

    Raises:
        ModelError: The network does not fit. The error is a `DiagnosedError`, whose message shows the layers up to the
            failure, the shapes that it got and expected, and the remedies.
        Exception: An exception that is none of the user's code.
    """
    run = dry_run(model, input_shape, dtype=torch.float32)
    if _fits(model, run, num_classes):
        return
    from convboard.anatomy.diagnostics.context import Context  # deferred: see above
    from convboard.anatomy.diagnostics.diagnose import raise_diagnosed

    raise_diagnosed(Context(model, run, num_classes, origin or Origin()))


def raise_explained(
    model: nn.Module,
    run: DryRun,
    part_of: str = "",
    num_classes: int | None = None,
    origin: Origin | None = None,
) -> None:
    """Raise the exception of a run, if there is one, as a ModelError with an explanation.

    Args:
        model: The network.
        run: Its run.
        part_of: Name of the network that is being built, if `model` holds the layers that it has so far. Remedies
            that depend on its other layers are then left out.
        num_classes: How many logits the network must return for each image; None if any number will do.
        origin: How the network was built; None if it is not known.

    Raises:
        ModelError: The network does not fit, or its code raised an exception.
        Exception: An exception that is none of the user's code.
    """
    if run.error is not None:
        from convboard.anatomy.diagnostics.context import Context  # deferred: see above
        from convboard.anatomy.diagnostics.diagnose import raise_diagnosed

        known = origin or Origin()
        raise_diagnosed(Context(model, run, num_classes, known, part_of, is_complete=not part_of))


def check_training_run(
    model: nn.Module, run: DryRun, origin: Origin | None = None, error: Exception | None = None
) -> None:
    """Raise an error if a run in training mode raised an exception, or returned something else than a tensor.

    Args:
        model: The network.
        run: Its run in training mode.
        origin: How the network was built; None if it is not known.
        error: What the backward pass after the run raised; None if it raised nothing.

    Raises:
        ModelError: The network's code raised an exception, or its output is no tensor.
        Exception: An exception that is none of the user's code.
    """
    if error is None and run.error is None and isinstance(run.output, Tensor):
        return
    from convboard.anatomy.diagnostics.context import Context  # deferred: see above
    from convboard.anatomy.diagnostics.diagnose import raise_diagnosed

    failed = run if error is None else replace(run, error=error)
    raise_diagnosed(Context(model, failed, None, origin or Origin(), is_training=True))


def _fits(model: nn.Module, run: DryRun, num_classes: int) -> bool:
    """Return whether a run shows no sign of any mistake; `diagnostics` decides whether a sign is a mistake."""
    output = run.output
    if run.error is not None or not isinstance(output, Tensor) or not output.is_floating_point():
        return False
    if tuple(output.shape) != (run.batch_size, num_classes) or not run.calls:
        return False
    parameters = {id(parameter) for parameter in model.parameters()}
    used = [tensor for call in run.calls for function in call.functions for tensor in function.tensors]
    is_unregistered = any(isinstance(tensor, nn.Parameter) and id(tensor) not in parameters for tensor in used)
    is_on_meta = any(tensor.is_meta for tensor in used)
    return not (is_unregistered or is_on_meta or run.calls[-1].function("softmax", "log_softmax"))
