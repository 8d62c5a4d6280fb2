"""The keys of a config's schema, and the one that was probably meant by a key that is not known."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

from convboard.config.synonyms import KEYS
from convboard.errors import similar

MORE = ("experiment", "repeat")  # they are given like keys, and stand for several


def unknown_key(key: str, schema: type, more: Sequence[str] = ()) -> str:
    """Return the message for a key that `schema` does not have, with the nearest key of any group.

    Args:
        key: The key.
        schema: The dataclass of the config.
        more: What can be given beside the keys of the schema.
    """
    known = dict(keys(schema))
    if key in (renamed := renamed_keys(schema)):
        return f"{key} is now called {renamed[key]}."
    if key in known:
        return f"{key} cannot be removed: every run has one."
    group = key.rpartition(".")[0]
    beside = [name.rpartition(".")[2] for name in known if name.rpartition(".")[0] == group]
    allowed = f"Allowed{f' in {group}' if group else ''}: {', '.join(sorted([*beside, *(() if group else more)]))}."
    return unknown_key_message(key, similar_key(key, schema, more), allowed)


def similar_key(key: str, schema: type, more: Sequence[str] = ()) -> str | None:
    """Return the key that was probably meant by `key`, or None.

    Args:
        key: What the user wrote, with or without the group, in whatever words.
        schema: The dataclass of the config.
        more: What can be given beside the keys of the schema.
    """
    group, _, last = key.replace("-", "_").rpartition(".")
    known = [*(name for name, _ in keys(schema)), *more]
    beside = {name.rpartition(".")[2]: name for name in known if name.rpartition(".")[0] == group}
    anywhere = {name.rpartition(".")[2]: name for name in reversed(known)}  # the first one of several counts
    for names in (beside, anywhere):
        if last in names:
            return names[last]
    if last.lower() in KEYS:
        return KEYS[last.lower()]
    return next((names[near] for names in (beside, anywhere) if (near := similar(last, names)) is not None), None)


def unknown_key_message(key: str, near: str | None, allowed: str) -> str:
    """Return the message for a key that is not known.

    Args:
        key: The key.
        near: The key that was probably meant.
        allowed: A sentence that lists the known keys.
    """
    question = f"Did you mean {near!r}? " if near else ""
    return f"{key} is not a known key. {question}{allowed}"


def renamed_keys(schema: type, prefix: str = "") -> dict[str, str]:
    """Return the new names of keys by their old ones, from the `metadata` of the fields."""
    renamed = {}
    for field in fields(schema):
        if "formerly" in field.metadata:
            renamed[f"{prefix}{field.metadata['formerly']}"] = f"{prefix}{field.name}"
        if is_dataclass(field.type) and isinstance(field.type, type):
            renamed |= renamed_keys(field.type, f"{prefix}{field.name}.")
    return renamed


def keys(schema: type, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every key of a schema with its type; of an open group, those in the `metadata` of its field."""
    hints = get_type_hints(schema)
    for field in fields(schema):
        hint = hints[field.name]
        yield f"{prefix}{field.name}", hint
        if is_dataclass(hint):
            assert isinstance(hint, type)
            yield from keys(hint, f"{prefix}{field.name}.")
        for name in field.metadata.get("keys", ()):
            yield f"{prefix}{field.name}.{name}", Any
