"""Padding made of the picture itself, which must not be larger than the picture."""

from torch import nn

from convboard.anatomy.diagnostics.case import Case, Finding
from convboard.anatomy.diagnostics.remedies import larger_images, overhanging_padding
from convboard.anatomy.diagnostics.wording import sizes
from convboard.anatomy.trace import Call

_WORDS = {"reflect": "mirrors", "circular": "repeats"}


def padding_too_large(case: Case, call: Call) -> Finding | None:
    """A reflection or a repetition of more pixels than the picture has, in a convolution or by itself."""
    found = overhanging_padding(call)
    if found is None:
        return None
    mode, pixels, most = found
    left = sizes(call.input_shape[-2:])
    reason = (
        f"{case.title(call)} {_WORDS[mode]} {pixels} pixels of the picture beyond its edge, but gets only {left}, "
        f"which has {most} for it: {case.trail(call)}."
    )
    if isinstance(call.module, nn.Conv2d):
        zeros = f'pad {call.name} with zeros: padding_mode="zeros"'
    else:
        zeros = 'pad with zeros: mode="constant"'
    wanted = f"{pixels + (mode == 'reflect')} pixels or more"
    return Finding("window", reason, (*larger_images(case), zeros), wanted, left, call)
