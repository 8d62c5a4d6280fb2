"""The remedy for a layer that is called twice, and fits only the first time: a layer for each call."""

import re
from dataclasses import replace
from typing import Any

from torch import nn

from convboard.anatomy.diagnostics.context import Context, Finding
from convboard.anatomy.diagnostics.new_layer import new_layer
from convboard.anatomy.trace import Call

_SETTINGS = {"in_channels": "in_channels", "in_features": "in_features", "norm": "num_features"}  # by kind of finding
_ORDINALS = {2: "second", 3: "third", 4: "fourth"}


def with_second_layer(context: Context, finding: Finding) -> Finding:
    """Return the finding with a second layer as its remedy, if the layer ran before in the same forward.

    To change the layer itself would break the first call.
    """
    call, setting = finding.call, _SETTINGS.get(finding.kind)
    earlier = [one for one in context.run.calls if _is_of_same_layer(one, call)]
    if call is None or not isinstance(call.module, nn.Module) or not (earlier and setting and context.is_user_defined):
        return finding
    arrived = call.input_shape[-1 if setting == "in_features" else 1]
    changes: dict[str, Any] = {"num_channels" if isinstance(call.module, nn.GroupNorm) else setting: arrived}
    made = new_layer(call.module, **changes)
    path, number = context.path_of(call.module), len(earlier) + 1
    attribute = _free_name(context, path)
    times = "twice" if number == 2 else f"{number} times"
    layer = f"self.{attribute} = {made.code}" if made.is_complete else f"self.{attribute}, a {made.code}"
    remedy = (
        f"forward calls {path} {times}: make another layer, {layer}, and call it the "
        f"{_ORDINALS.get(number, f'{number}th')} time"
    )
    others = [one for one in finding.remedies if not re.search(rf"(?<![\w.]){re.escape(path)}(?![\w.])", one)]
    return replace(finding, remedies=(remedy, *others))


def _is_of_same_layer(one: Call, call: Call | None) -> bool:
    return call is not None and one is not call and one.module is call.module is not None and one.error is None


def _free_name(context: Context, path: str) -> str:
    """A name for the layer beside that at a path: `conv_2`."""
    parent, _, name = path.rpartition(".")
    taken = vars(context.model.get_submodule(parent))["_modules"]
    stem = f"{type(context.model.get_submodule(path)).__name__.lower()}" if name.isdigit() else name
    number = 2
    while f"{stem}_{number}" in taken:
        number += 1
    return f"{stem}_{number}"
