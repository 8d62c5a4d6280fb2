"""Errors of torch and NumPy for want of memory, in one sentence with the size that was asked for."""

import re

from convboard.anatomy.system_memory import machine_memory, total_memory
from convboard.errors import ConfigError

_SIZES = (  # of the CPU in torch; of a GPU; in NumPy
    re.compile(r"tried to allocate (\d+) bytes"),
    re.compile(r"Tried to allocate ([\d.]+ [KMGT]?i?B)"),
    re.compile(r"Unable to allocate ([\d.]+ [KMGTPE]?i?B)"),
)
_BEYOND = (
    "Storage size calculation overflowed",
    "integer multiplication overflow",
    "array is too big",
    "maximum allowed",
)


def explain_memory(error: BaseException) -> ConfigError | None:
    """Return the message for an error for want of memory, or None for another error."""
    text = str(error)
    found = next((match for pattern in _SIZES if (match := pattern.search(text))), None)
    if found is not None:
        size = found[1] if " " in found[1] else f"{int(found[1]) / 1e9:,.1f} GB"
        needed = f"{size} are needed at once"
    elif any(words in text for words in _BEYOND):
        needed = "more is needed than can be addressed"
    elif isinstance(error, MemoryError):
        needed = "none is left"
    else:
        return None
    memory = total_memory()
    has = "this machine has" if memory == machine_memory() else "this container or job has"
    return ConfigError(
        f"There is not enough memory: {needed}, and {has} {memory / 1e9:,.1f} GB for all its programs. Choose a "
        "smaller network, smaller images (dataset.image_size, model.image_size, input_shape), or a smaller batch_size."
    )
