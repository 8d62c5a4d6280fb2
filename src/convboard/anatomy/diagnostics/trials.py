"""Trials of remedies: the network runs once more with a changed layer or with changed source, on copies.

Every remedy that changes a layer's settings or a line is tried before it is suggested. Not tried are those whose shapes
follow from a formula (a convolution on a shortcut, groups that divide the channels), those of several changes at once,
such as a flatten with the Linear behind it, and those that cannot be: a network that cannot be copied, a layer that is
too large.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from convboard.anatomy.diagnostics.context import Context, Remedy
from convboard.anatomy.diagnostics.silenced_calls import attempt, silenced
from convboard.anatomy.diagnostics.source_edits import Edit, rewritten
from convboard.anatomy.diagnostics.user_code import Failure, failure_of
from convboard.anatomy.dry_run import DryRun, black_images, dry_run, lazy_layers, materialise
from convboard.anatomy.recorder import record_calls
from convboard.anatomy.trace import Shape

WORKS, GETS_FURTHER, FAILS = 2, 1, 0


def quiet_run(
    model: nn.Module, image_shape: Shape, batch_size: int = 2, other_shapes: Sequence[Shape] = ()
) -> DryRun | None:
    """Run a network without output; a lazy one is copied first. Returns None if the run cannot be started."""
    if lazy_layers(model):
        return attempt(lambda: materialise(copy.deepcopy(model), image_shape))
    return attempt(dry_run, model, image_shape, batch_size, other_shapes=other_shapes)


def training_run(model: nn.Module, image_shape: Shape) -> DryRun | None:
    """Run a copy of a network in training mode, forwards and backwards; returns None if it cannot be copied."""
    changed = attempt(copy.deepcopy, model)
    if changed is None:
        return None
    images = black_images(changed, image_shape, 2)
    output, error = None, None
    with silenced(), record_calls(changed.train(), images) as recording, torch.enable_grad():
        try:
            output = changed(images)
        except Exception as raised:
            error = raised
    if isinstance(output, Tensor) and output.requires_grad:
        try:
            with silenced():
                output.sum().backward()  # type: ignore[no-untyped-call]
        except Exception as raised:
            error = raised
    return DryRun(image_shape, 2, recording.calls, output, error)


def fits(context: Context, run: DryRun | None) -> bool:
    """Return whether a run returned the expected number of logits for each image."""
    if run is None or run.error is not None or not isinstance(run.output, Tensor):
        return False
    shape = tuple(run.output.shape)
    classes = shape[1:] if context.num_classes is None else (context.num_classes,)
    return shape == (run.batch_size, *classes)


def works(context: Context, model: nn.Module, image_shape: Shape | None = None) -> bool:
    """Return whether a network runs on images of a shape and returns the expected number of logits for each.

    Args:
        context: Has the number of logits.
        model: The network to run.
        image_shape: (C, H, W); None for that of the dry run.
    """
    return fits(context, run_again(context, model, image_shape))


def run_again(context: Context, model: nn.Module, image_shape: Shape | None = None) -> DryRun | None:
    """Run a network in the mode of the run that failed; returns None if it cannot be started.

    Args:
        context: Has that run.
        model: The network.
        image_shape: (C, H, W); None for that of the run.
    """
    shape = image_shape or context.run.image_shape
    if context.is_training:
        return training_run(model, shape)
    return quiet_run(model, shape, other_shapes=context.run.other_shapes)


def grade(context: Context, model: nn.Module | None = None) -> int:
    """Run a network: it works, gets further than before, or fails as before.

    Args:
        context: Has the run that failed.
        model: A changed copy of the network; None for the network itself, whose source is changed.
    """
    run = run_again(context, context.model if model is None else model)
    if run is None or fits(context, run):
        return FAILS if run is None else WORKS
    done, before = (sum(call.error is None for call in one.calls) for one in (run, context.run))
    if run.error is None or done > before:
        return GETS_FURTHER
    return _is_later(failure_of(run.error), context.failure)


def grade_constructor(context: Callable[[nn.Module], Context], failure: Failure, build: Callable[[], Any]) -> int:
    """Build a network whose constructor failed: it works, gets further than before, or fails as before.

    Args:
        context: Makes the context of a network.
        failure: The place at which its constructor failed.
        build: The constructor with its arguments.
    """
    try:
        with silenced():
            model = build()
        return WORKS if works(context(model), model) else GETS_FURTHER
    except Exception as error:
        return _is_later(failure_of(error), failure)


def _is_later(after: Failure | None, before: Failure | None) -> int:
    """Return whether an exception came from a later line of the same function."""
    is_later = after is not None and before is not None and after.where != before.where and after.line > before.line
    return GETS_FURTHER if is_later else FAILS


def best_edits(failure: Failure, edits: Iterable[Edit], grade: Callable[[], int]) -> list[str]:
    """Try edits of the user's code until one works: return its remedy, or that of the first one that gets further.

    Args:
        failure: Has the code.
        edits: The edits.
        grade: Runs the network while an edit is in place.
    """
    better: list[str] = []
    for edit in edits:
        with rewritten(failure, edit.changes, **edit.names) as is_possible:
            result = grade() if is_possible else FAILS
        if result == WORKS:
            return [edit.remedy]
        if result == GETS_FURTHER:
            better.append(edit.remedy)
    return better[:1]


def with_layer(model: nn.Module, path: str, layer: nn.Module) -> nn.Module | None:
    """Return a copy of a network with another layer at a path; None if it cannot be copied.

    The layer gets the device, the dtype and the mode of the one in its place.
    """
    old = model.get_submodule(path)
    weight = next(old.parameters(), None)
    if weight is not None and weight.is_floating_point():
        layer.to(weight)
    layer.train(old.training)
    return _with(model, path, layer) if path else layer


def with_parameter(model: nn.Module, path: str, shape: Shape) -> nn.Module | None:
    """Return a copy of a network with a parameter of another shape; None if it cannot be copied."""
    return _with(model, path, nn.Parameter(torch.zeros(shape)))


def _with(model: nn.Module, path: str, part: nn.Module | nn.Parameter) -> nn.Module | None:
    changed = attempt(copy.deepcopy, model)
    if changed is not None:
        parent, _, name = path.rpartition(".")
        setattr(changed.get_submodule(parent), name, part)
    return changed


def tried_layers(context: Context, path: str, proposals: Iterable[tuple[str, Callable[[], nn.Module]]]) -> list[Remedy]:
    """Return the remedies whose layer works at a path of the network, or else the first that gets further.

    Args:
        context: The network.
        path: Path of the layer to replace.
        proposals: Text of a remedy, and what makes its layer.
    """
    grades: dict[str, int] = {}
    for text, make in proposals:
        with silenced():
            changed = with_layer(context.model, path, make())
        grades[text] = grade(context, changed) if changed is not None else FAILS
    working = [Remedy(text) for text, result in grades.items() if result == WORKS]
    return working or [Remedy(text) for text, result in grades.items() if result == GETS_FURTHER][:1]
