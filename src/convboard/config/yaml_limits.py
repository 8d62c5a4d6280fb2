"""YAML files, read with limits: a few lines can hold endless lists, or aliases that become billions of values."""

from pathlib import Path

import yaml

from convboard.files import read_text

LONGEST = 1_000_000  # bytes of a file
_DEEPEST = 50  # lists and mappings within each other
_MOST_VALUES = 100_000  # in a file, with each alias counted as the values that it stands for

LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


def read_yaml_text(path: Path, has_aliases: bool = True) -> str:
    """Read a file of YAML, which can then be parsed without taking much memory or time.

    Args:
        path: The file.
        has_aliases: Whether aliases are allowed.

    Raises:
        OSError: It cannot be read, is no regular file, or is too long.
        UnicodeDecodeError: It is not UTF-8.
        YAMLError: It is not YAML, is nested too deeply, or its aliases expand to too many values.
    """
    text = read_text(path, LONGEST)
    sizes = {}  # of the values with an anchor
    open_values: list[tuple[str | None, int]] = []  # lists and mappings: anchor, and number of values before them
    number = 0
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_values.pop()
            sizes[anchor] = number - before
        elif isinstance(event, yaml.NodeEvent):
            if isinstance(event, yaml.AliasEvent):
                number += _size_of_alias(event, sizes, has_aliases)
            elif isinstance(event, yaml.CollectionStartEvent):
                open_values.append((event.anchor, number))
            else:
                sizes[event.anchor] = 1
            number += 1
        if len(open_values) > _DEEPEST:
            raise yaml.YAMLError(f"lists and mappings are nested more than {_DEEPEST} deep")
        if number > _MOST_VALUES:
            raise yaml.YAMLError(f"it has more than {_MOST_VALUES:,} values, with those that aliases stand for")
    return text


def _size_of_alias(event: yaml.AliasEvent, sizes: dict[str | None, int], is_allowed: bool) -> int:
    line = event.start_mark.line + 1
    if not is_allowed:
        raise yaml.YAMLError(f"line {line} has an alias, which a run never writes")
    if event.anchor not in sizes:
        raise yaml.YAMLError(f"the alias *{event.anchor} in line {line} stands for nothing before it, or for itself")
    return sizes[event.anchor]
