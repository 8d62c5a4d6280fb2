"""Diagnosis of a network that does not fit its images. `rules` finds the mistake."""

import copy

import torch
from torch import nn

from convboard.anatomy.arguments import shapes_of
from convboard.anatomy.diagnostics.context import Context, Finding
from convboard.anatomy.diagnostics.diagnosis import DiagnosedError, Diagnosis
from convboard.anatomy.diagnostics.finding_place import place_of
from convboard.anatomy.diagnostics.rules import find_mistake
from convboard.anatomy.diagnostics.user_code import Place, is_installed, without_library_frames
from convboard.anatomy.diagnostics.wording import sizes
from convboard.anatomy.dry_run import dry_run, lazy_layers, materialise
from convboard.anatomy.forward_inputs import check_inputs
from convboard.anatomy.layer_rows import TRACKERS, rows_of
from convboard.anatomy.trace import Shapes


def diagnose(model: nn.Module, input_shape: Shapes, num_classes: int | None = None) -> Diagnosis | None:
    """Run a network once on two black images, and explain what does not fit.

    The network, its modes and buffers and the random numbers stay unchanged. Remedies are tried on copies before they
    are suggested; for this the network's class may be called again.

    Args:
        model: Any network.
        input_shape: (C, H, W) of an image, float32 as in training; for several inputs see `layer_table`.
        num_classes: How many logits the network must return for each image; None if any number will do.

    Returns:
        The mistake and the remedies; `print` shows them with the table of the layers up to the failure. None if
        nothing is wrong.

    Raises:
        ModelError: The shape is not that of an image, or the network is a script or a class.

    Example:
        >>> print(convboard.diagnose(MyNet(), (1, 28, 28), num_classes=10))
    """
    image_shape, others = shapes_of(input_shape)
    is_lazy = isinstance(model, nn.Module) and bool(lazy_layers(model))
    if is_lazy:
        model = copy.deepcopy(model)
        run = materialise(model, image_shape)
    if not is_lazy or run.error is None:
        run = dry_run(model, image_shape, trackers=TRACKERS, dtype=torch.float32, other_shapes=others)
    if others:
        check_inputs(model, run)
    context = Context(model, run, num_classes)
    finding = find_mistake(context)
    if finding is None and context.run.error is not None:
        raise context.run.error
    return diagnosis_of(context, finding) if finding else None


def raise_diagnosed(context: Context) -> None:
    """Raise an error if a run shows a mistake, or raised an exception.

    Args:
        context: The network and its run.

    Raises:
        DiagnosedError: The network does not fit its images, or its code raised an exception.
        Exception: An exception that is none of the user's code.
    """
    finding = find_mistake(context)
    error = context.run.error
    if finding is not None:
        cause = without_library_frames(error) if error is not None else None
        raise DiagnosedError(diagnosis_of(context, finding)) from cause
    if error is not None:
        raise error


def diagnosis_of(context: Context, finding: Finding) -> Diagnosis:
    """Return the finding together with the table of the calls before."""
    call, failed = finding.call, context.run.failed_call
    return Diagnosis(
        finding.kind,
        call.name if call else None,
        finding.reason,
        finding.remedies,
        finding.wanted,
        finding.arrived,
        finding.formula,
        tuple(rows_of(context.model, context.run)),
        _heading(context, finding.kind),
        (failed.name, failed.type) if failed else None,
        _place(context, finding),
    )


def _place(context: Context, finding: Finding) -> Place | None:
    failure = context.failure
    if finding.place is not None or finding.kind == "recursion":  # which has it in its reason
        return finding.place
    if failure is None:
        return place_of(context, finding)
    return failure.place if finding.kind == "error" or not is_installed(failure.file) else None


_OF_SIZES = (  # kinds of findings that another size of images or layers mends
    *("in_features", "in_channels", "flatten", "window", "groups", "norm", "picture", "branches"),
    *("num_classes", "dimensions", "width", "channels", "batch", "input_shape"),
)


def _heading(context: Context, kind: str) -> str:
    name, shape = context.name or type(context.model).__name__, sizes(context.run.image_shape)
    in_classes = f" in {context.num_classes} classes" if context.num_classes else ""
    verb = "does not fit" if kind in _OF_SIZES else "fails on"
    return f"{name} {verb} images of {shape}{in_classes}."
