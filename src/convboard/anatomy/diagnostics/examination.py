"""The doctor's round: every kind of mistake is asked about in turn, and the first that is found is told."""

from convboard.anatomy.diagnostics.case import Case, Finding
from convboard.anatomy.diagnostics.dtype_and_device import silent_device, wrong_device, wrong_dtype
from convboard.anatomy.diagnostics.forward import wrong_forward
from convboard.anatomy.diagnostics.linear_features import eaten_batch, missing_flatten, wrong_in_features, wrong_view
from convboard.anatomy.diagnostics.model_output import wrong_output
from convboard.anatomy.diagnostics.paddings import padding_too_large
from convboard.anatomy.diagnostics.shape_mismatch import unlike_branches, unlike_sizes
from convboard.anatomy.diagnostics.spatial_layers import (
    no_picture,
    window_too_large,
    wrong_groups,
    wrong_in_channels,
    wrong_norm_dimensions,
    wrong_norm_groups,
    wrong_norm_width,
)
from convboard.anatomy.diagnostics.unregistered import untrained_weight

# In this order: a size that does not fit may be the fault of the batch, and an error of shapes hides one of types.
MISTAKES = (
    no_picture,
    wrong_groups,
    wrong_in_channels,
    window_too_large,
    padding_too_large,
    wrong_norm_width,
    wrong_norm_dimensions,
    wrong_norm_groups,
    eaten_batch,
    missing_flatten,
    wrong_in_features,
    wrong_view,
    unlike_branches,
    unlike_sizes,
    wrong_device,
    wrong_dtype,
)


def examine(case: Case) -> Finding | None:
    """What is wrong; None if it is none of the known mistakes, or nothing."""
    if case.run.error is None:
        return silent_device(case) or wrong_output(case) or untrained_weight(case)
    failed = case.run.failed_call
    if failed is None:
        return wrong_forward(case) if not case.run.calls else None
    return next((found for mistake in MISTAKES if (found := mistake(case, failed))), None)
