"""Errors of torch and NumPy for want of memory, in one sentence with the size that was asked for."""

import re

from convboard.anatomy.system_memory import address_space, machine_memory, total_memory
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
_LIBRARY = ("failed to map segment", "annot allocate memory")  # of the dynamic linker


def explain_memory(error: BaseException) -> ConfigError | None:
    """Return the message for an error for want of memory, or None for another error."""
    text = str(error)
    if isinstance(error, ImportError) and any(words in text for words in _LIBRARY):
        return ConfigError(f"There is not enough memory: {text.partition(':')[0]} cannot be loaded, and {_limit()}.")
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
    return ConfigError(
        f"There is not enough memory: {needed}, and {_limit()}. Choose a smaller network, smaller images "
        "(dataset.image_size, model.image_size, input_shape), or a smaller batch_size."
    )


def _limit() -> str:
    """Return how much memory there is, and whose it is."""
    memory = total_memory()
    gigabytes = f"{memory / 1e9:,.1f} GB"
    if memory == address_space():
        return f"this process may address {gigabytes} (ulimit -v)"
    has = "this machine has" if memory == machine_memory() else "this container or job has"
    return f"{has} {gigabytes} for all its programs"
