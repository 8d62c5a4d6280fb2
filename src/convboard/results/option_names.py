"""The names of the options of a config group, by the class that they choose."""

import re
from functools import cache

from convboard.config.conf_folders import CONF

_TARGET = re.compile(r"^_target_:\s*(\S+)", re.MULTILINE)


def option_name(group: str, target: str) -> str:
    """Return the option of convboard's own that chooses a class, such as `lenet`, or else the name of the class.

    Args:
        group: Such as `model`.
        target: The `_target_` of a config, such as `convboard.models.LeNet`.
    """
    return _names(group).get(target) or target.rpartition(".")[2]


@cache
def _names(group: str) -> dict[str, str]:
    names: dict[str, str] = {}
    for file in sorted((CONF / group).glob("*.yaml")):
        if found := _TARGET.search(file.read_text(encoding="utf-8")):
            names.setdefault(found[1], file.stem)
    return names
