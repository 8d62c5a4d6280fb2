"""What was measured of plans, kept in the user's cache folder from run to run.

Nothing depends on it: what is missing, damaged or cannot be written is measured again.
"""

import hashlib
import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convboard.files import atomic_write_text
from convboard.training.execution_plan.plan import Plan


@dataclass(frozen=True)
class Measured:
    """What a measurement came to.

    Attributes:
        budget: Seconds that it was allowed to take: with more, it may have got to more plans.
        seconds: Of one step, by plan.
    """

    budget: float
    seconds: dict[Plan, float]


def recall(case: Mapping[str, Any], plans: Sequence[Plan]) -> Measured | None:
    """What was measured in an equal `case`, if that is known.

    Args:
        case: All that the time of a step depends on, as JSON has it.
        plans: Those to choose from, the default first.
    """
    try:
        content = json.loads(_file(case).read_text())
        seconds = {plans[int(number)]: float(value) for number, value in content["seconds"].items()}
        measured = Measured(float(content["budget"]), seconds)
    except (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError):
        return None
    is_whole = plans[0] in seconds and all(0 < value < math.inf for value in seconds.values())
    return measured if is_whole and content.get("case") == case else None


def remember(case: Mapping[str, Any], plans: Sequence[Plan], measured: Measured) -> None:
    """Write down what was measured; each case has a file of its own, so that runs at the same time cannot collide."""
    seconds = {plans.index(plan): value for plan, value in measured.seconds.items()}
    content = {"case": case, "budget": measured.budget, "seconds": seconds}
    with suppress(OSError, RuntimeError):
        file = _file(case)
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_text(file, json.dumps(content, indent=2) + "\n")


def processor() -> str:
    """The processor's name; Linux tells it in /proc/cpuinfo only."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _file(case: Mapping[str, Any]) -> Path:
    """Where a case is kept, by the XDG base directory specification.

    Raises:
        RuntimeError: The user has no home folder.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    folder = cache if cache.is_absolute() else Path.home() / ".cache"
    digest = hashlib.sha256(json.dumps(case, sort_keys=True).encode()).hexdigest()
    return folder / "convboard" / "plans" / f"{digest[:32]}.json"
