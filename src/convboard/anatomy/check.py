"""Check that a network fits the images and classes, before the first training step.

`diagnostics` is loaded only when something has failed: a run of a network that fits does not need it.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from convboard.anatomy.dry_run import DryRun, dry_run
from convboard.anatomy.trace import Shape


def check_fit(
    model: nn.Module,
    input_shape: Shape,
    num_classes: int,
    factory: Callable[..., nn.Module] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> None:
    """Run a network once on two black images, and raise an error if it does not fit them.

    The network, its modes and buffers and the random numbers stay unchanged. If the network does not fit, remedies are
    tried on copies before they are suggested; for this the factory, or the network's class, may be called again.

    Args:
        model: Any network.
        input_shape: (C, H, W) of the images.
        num_classes: How many logits the network must return for each image.
        factory: The function or class that built the network; None for its class.
        arguments: Arguments that the factory was called with, as far as they are known.

    Raises:
        ModelError: The network does not fit. The error is a `DiagnosedError`, whose message shows the layers up to the
            failure, the shapes that it got and expected, and the remedies.
        Exception: Any other exception of the network's forward.
    """
    run = dry_run(model, input_shape, dtype=torch.float32)
    if _fits(model, run, num_classes):
        return
    from convboard.anatomy.diagnostics.diagnosis import raise_diagnosed  # deferred: see above

    raise_diagnosed(model, run, num_classes=num_classes, factory=factory, arguments=arguments or {})


def raise_explained(model: nn.Module, run: DryRun, part_of: str = "") -> None:
    """Raise the exception of a dry run, if there is one; a ModelError with an explanation if the mistake is known.

    Args:
        model: The network.
        run: Its dry run.
        part_of: Name of the network that is being built, if `model` holds the layers that it has so far. Remedies
            that depend on its other layers are then left out.

    Raises:
        ModelError: The mistake is a known one.
        Exception: Any other exception of the network's forward.
    """
    if run.error is not None:
        from convboard.anatomy.diagnostics.diagnosis import raise_diagnosed  # deferred: see above

        raise_diagnosed(model, run, name=part_of, is_complete=not part_of)


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
