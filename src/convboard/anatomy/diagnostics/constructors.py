"""What a constructor stumbled over, while there is no network yet: told by what torch's own layers were given."""

import linecache
from pathlib import PurePath
from typing import Any

from convboard.anatomy.diagnostics.wording import divisors, listed


def refused_groups(error: BaseException, with_line: bool = True) -> str | None:
    """Why a convolution or a GroupNorm could not be built, by what its constructor was given; None for other errors.

    Args:
        error: What the constructor raised.
        with_line: Tell the line that called it.
    """
    given, where = _constructor(error)
    if "divisible" not in str(error) or "self" not in given:
        return None
    if "num_groups" in given:
        channels, groups = given["num_channels"], given["num_groups"]
        made, good = f"GroupNorm({groups}, {channels})", divisors(channels)
        fault = f"{groups} groups do not divide its {channels} channels"
    elif "groups" in given:
        sides, groups = {"input": given["in_channels"], "output": given["out_channels"]}, given["groups"]
        made = f"{type(given['self']).__name__}({sides['input']}, {sides['output']}, ..., groups={groups})"
        good = divisors(*sides.values())
        fault = next(f"groups={groups} does not divide its {n} {s} channels" for s, n in sides.items() if n % groups)
    else:
        return None
    line = f"{where}, builds {made}: " if with_line else ""
    return f"{line}{fault}. Take {'one of ' if len(good) > 1 else ''}{listed(good)}."


def forgotten_super(error: BaseException) -> str | None:
    """What to write where a constructor did not call that of nn.Module first; None for other errors."""
    if not isinstance(error, AttributeError) or "before Module.__init__() call" not in str(error):
        return None
    _, where = _constructor(error)
    return f"{where}, comes before nn.Module is ready. Let __init__ begin with super().__init__()."


def _constructor(error: BaseException) -> tuple[dict[str, Any], str]:
    """What torch's constructor that raised was given, and where it was called: ``net.py, line 9, self.fc = ...``."""
    traceback, where, given = error.__traceback__, "", {}
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_globals.get("__name__", "").startswith("torch.nn.modules."):
            given = frame.f_locals
        else:
            file = frame.f_code.co_filename
            line = linecache.getline(file, traceback.tb_lineno).strip()
            where = ", ".join(part for part in (PurePath(file).name, f"line {traceback.tb_lineno}", line) if part)
        traceback = traceback.tb_next
    return given, where
