"""What the units of a call see of the image, as those who followed its tensors through the run know it."""

from convboard.anatomy.costs import Costs
from convboard.anatomy.dry_run import DryRun
from convboard.anatomy.receptive_field.bounding_boxes import Boxes, View
from convboard.anatomy.receptive_field.theoretical import Field, Fields
from convboard.anatomy.sliding_window import Pair
from convboard.anatomy.trace import Call

FOLLOWERS = (Costs, Fields, Boxes)
"""What a dry run is followed by; a call's views have this order."""


def view_of(call: Call) -> View | None:
    """What the units of a call see, where it has come to its end."""
    view: View | None = call.views[2] if call.views else None
    return view


def field_of(call: Call, run: DryRun) -> Field | None:
    """What the units of a call see as if there were no borders; None where they do not see alike.

    Where a unit's field lies within the image, its box is the field, and tells more: the field's arithmetic does not
    tell channels apart, of which a function may have taken those alone that see less.
    """
    field: Field | None = call.views[1] if call.views else None
    view = view_of(call)
    if field is None or view is None or not field.slides or len(call.output_shape or ()) != 4:
        return field
    axes = zip(field.size, field.stride, field.start, run.image_shape[1:], view.spans)
    exact = [_refined(*axis) for axis in axes]
    return Field((exact[0][0], exact[1][0]), field.stride, (exact[0][1], exact[1][1]))


def _refined(size: int, stride: int, start: int, side: int, spans: list[Pair]) -> Pair:
    """Size and start of a field along one axis, seen by the first unit whose field lies within the image."""
    place = max(0, -(start // stride))
    if place >= len(spans) or start + place * stride + size > side or spans[place] == (0, 0):
        return size, start
    first, last = spans[place]
    return last - first, first - place * stride
