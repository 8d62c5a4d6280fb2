"""The rules of the diagnosis, in the order in which they are tried; the first finding counts.

A rule is a function that recognises one kind of mistake. It looks at the operation that failed, a layer's or one that
the network's forward calls, and at those before it; it returns a finding, or None if the mistake is of another kind.
Each file of this package has the rules for one kind of operation. An exception that no rule knows is reported with the
line of the user's code that raised it, and with the edits of that line that mend it.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import replace

import torch

from convboard.anatomy.diagnostics import (
    dtype_and_device,
    in_place,
    layer_kinds,
    linear_features,
    model_output,
    module_definition,
    shape_mismatch,
    spatial_layers,
    whole_network,
)
from convboard.anatomy.diagnostics.call_slips import CALL_SLIPS
from convboard.anatomy.diagnostics.constructor_slips import CONSTRUCTOR_SLIPS
from convboard.anatomy.diagnostics.context import Context, Finding
from convboard.anatomy.diagnostics.remedies import other_argument, other_images
from convboard.anatomy.diagnostics.second_layer import with_second_layer
from convboard.anatomy.diagnostics.source_edits import Edit
from convboard.anatomy.diagnostics.trials import best_edits, grade
from convboard.anatomy.diagnostics.user_code import Failure, sentence
from convboard.anatomy.diagnostics.value_slips import VALUE_SLIPS, notes_on_values
from convboard.anatomy.diagnostics.yaml_network import other_layers
from convboard.anatomy.trace import Call
from convboard.errors import ConvboardError

_log = logging.getLogger(__name__)

NETWORK_RULES: tuple[Callable[[Context], Finding | None], ...] = (
    spatial_layers.other_order,
    whole_network.recursion,
    module_definition.wrong_forward,
    whole_network.misnamed_constructor,
    whole_network.fixed_batch_size,
    whole_network.tuple_as_tensor,
    in_place.write_in_place,
)

# In this order: a size that does not fit may be a mistake of the batch, and an error of shapes hides one of types.
CALL_RULES: tuple[Callable[[Context, Call], Finding | None], ...] = (
    layer_kinds.other_dimensions,
    spatial_layers.not_spatial,
    spatial_layers.wrong_groups,
    spatial_layers.wrong_in_channels,
    spatial_layers.window_too_large,
    spatial_layers.padding_too_large,
    spatial_layers.wrong_norm_width,
    spatial_layers.wrong_norm_dimensions,
    spatial_layers.wrong_norm_groups,
    layer_kinds.transposed_channels,
    layer_kinds.layer_norm,
    layer_kinds.attention_width,
    layer_kinds.recurrent_width,
    layer_kinds.single_pixel_norm,
    layer_kinds.pixel_shuffle,
    layer_kinds.embedding,
    linear_features.batch_flattened,
    linear_features.missing_flatten,
    linear_features.wrong_in_features,
    linear_features.wrong_view,
    shape_mismatch.different_branches,
    shape_mismatch.different_sizes,
    dtype_and_device.wrong_device,
    dtype_and_device.wrong_dtype,
)

OUTPUT_RULES: tuple[Callable[[Context], Finding | None], ...] = (
    model_output.wrong_type,
    linear_features.batch_flattened_in_output,
    linear_features.missing_flatten_in_output,
    model_output.wrong_shape,
)

_NOTES = {  # part of a message, and what torch does not say
    r"Can't call numpy\(\)|can't convert .* to numpy": (
        "NumPy computes no gradients, and after .detach() the layers before would not be trained: use torch's "
        "functions instead of NumPy's."
    ),
    r"a leaf Variable that requires grad": (
        "A weight cannot be changed in forward: compute a new tensor from it, as in scale = self.scale + 0.1."
    ),
    r"Expected tensor for argument .*scalar types": "The images are float32: normalised pixels.",
}


def find_mistake(context: Context) -> Finding | None:
    """Return the finding of the first rule that recognises a mistake; None if there is none, or if it is a bug."""
    try:
        return _find(context)
    except Exception as bug:
        if context.run.error is None:
            raise
        _log.debug("A rule failed:", exc_info=bug)  # the user's own error matters more
        return Finding("error", sentence(context.run.error), (), "", "", context.run.failed_call)


def _find(context: Context) -> Finding | None:
    error, failed = context.run.error, context.run.failed_call
    if error is None:
        if context.is_training:
            return model_output.not_a_tensor(context)
        return (
            dtype_and_device.silent_device(context)
            or (_wrong_output(context) if context.num_classes is not None else None)
            or module_definition.untrained_weight(context)
        )
    if _is_not_the_users(context, error):
        return None
    for rule in NETWORK_RULES:
        if (found := rule(context)) is not None:
            return found
    if failed is not None and not isinstance(error, TypeError):  # a TypeError is one of the call, not of its sizes
        for call_rule in CALL_RULES:
            if (found := call_rule(context, failed)) is not None:
                return with_second_layer(context, found)
    return _any_other(context, error) if context.is_complete else None


def _wrong_output(context: Context) -> Finding | None:
    """Recognise any output that is not logits [N, num_classes]."""
    found = next((finding for rule in OUTPUT_RULES if (finding := rule(context)) is not None), None)
    if found is not None and context.origin.in_yaml:
        return replace(found, remedies=tuple(other_layers(context)) or found.remedies)
    return found


def _is_not_the_users(context: Context, error: Exception) -> bool:
    """Return whether an exception says itself what to do, is about memory, or is a bug of convboard."""
    is_of_memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
    is_bug = context.failure is None and context.run.failed_call is None and not context.is_user_defined
    return isinstance(error, ConvboardError) or is_of_memory or is_bug


def _any_other(context: Context, error: Exception) -> Finding:
    """Report any other exception, with the edits of the user's line that mend it."""
    remedies: list[str] = []
    if context.failure is not None and context.is_user_defined:
        remedies = best_edits(context.failure, edits_for(context.failure), lambda: grade(context))
    elif not context.is_user_defined:
        remedies = [*other_argument(context, None, None), *other_images(context)]
    text = sentence(error)
    notes = [note for pattern, note in _NOTES.items() if re.search(pattern, text)]
    if context.failure is not None and not remedies:
        notes += notes_on_values(context.failure)
    return Finding("error", " ".join([text, *notes]), tuple(remedies), "", "", context.run.failed_call)


def edits_for(failure: Failure) -> list[Edit]:
    """Return the edits of the user's code that may mend what raised an exception."""
    text = sentence(failure.error)
    found: list[Edit] = []
    for pattern, propose in (*CALL_SLIPS, *CONSTRUCTOR_SLIPS, *VALUE_SLIPS) if failure.source else ():
        match = re.search(pattern, text)
        if match is not None:
            found += propose(failure, match)
    return found
