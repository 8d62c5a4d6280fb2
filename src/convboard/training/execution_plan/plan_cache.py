"""Measurements of plans in the user's cache folder, for later runs.

A measurement that is missing, damaged or cannot be written is repeated.
"""

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from convboard.files import atomic_write_text, cache_path, read_text
from convboard.training.execution_plan.plan import Plan

_LONGEST = 1_000_000  # bytes of a file


@dataclass(frozen=True)
class Measurement:
    """The result of a measurement.

    Attributes:
        budget: Time limit of the measurement in seconds; a longer one might have covered more plans.
        seconds: Seconds of one step, by plan.
        images: Images of each batch that were used; the seconds are scaled to whole batches.
        doubt: Why a later run should not use it; empty in a measurement that was saved.
    """

    budget: float
    seconds: dict[Plan, float]
    images: int
    doubt: str = ""


def load_measurement(case: Mapping[str, Any], plans: Sequence[Plan]) -> Measurement | None:
    """Return the measurement of an equal `case`, or None.

    Args:
        case: Everything that the time of a step depends on, JSON-like.
        plans: The measured plans, the default first.
    """
    try:
        content = json.loads(read_text(cache_path("plans", case), _LONGEST))
        seconds = {plans[int(number)]: float(value) for number, value in content["seconds"].items()}
        measurement = Measurement(float(content["budget"]), seconds, int(content["images"]))
    except (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError):
        return None
    is_whole = plans[0] in seconds and all(0 < value < math.inf for value in seconds.values())
    is_whole = is_whole and measurement.images > 0
    return measurement if is_whole and content.get("case") == case else None


def save_measurement(case: Mapping[str, Any], plans: Sequence[Plan], measurement: Measurement) -> None:
    """Save a measurement. Each case has a file of its own, so that simultaneous runs do not collide."""
    seconds = {plans.index(plan): value for plan, value in measurement.seconds.items()}
    content = {"case": case, "budget": measurement.budget, "images": measurement.images, "seconds": seconds}
    with suppress(OSError, RuntimeError):
        file = cache_path("plans", case)
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_text(file, json.dumps(content, indent=2) + "\n")
