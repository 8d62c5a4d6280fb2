"""Errors of `data`, `models` and `anatomy` in terms of a config: they name arguments, and here the keys are added."""

from collections.abc import Iterator
from contextlib import contextmanager

from convboard.config.command_line import format_value
from convboard.errors import ConvboardError, ModelError
from convboard.models.infer_arguments import INFERRED

_TOP_LEVEL = ("data_dir",)  # arguments whose key is in no group


@contextmanager
def errors_with_config_keys() -> Iterator[None]:
    """Add the keys of a config to errors that are raised in this context; also usable as a decorator.

    Raises:
        ConvboardError: An error that was raised, with the keys of the arguments that it names.
    """
    try:
        yield
    except ConvboardError as error:
        diagnosis = getattr(error, "diagnosis", None)
        if diagnosis is not None:
            raise error.with_message(diagnosis.text(_key_of_remedy)) from error.__cause__
        if error.arguments:
            raise error.with_message(_with_keys(error)) from error
        raise


def _key_of_remedy(remedy: str) -> str:
    """`` (in a config: dataset.image_size=32)`` for a remedy that a config can apply; else nothing."""
    from convboard.anatomy.diagnostics.context import Remedy  # deferred for start-up time: only errors need it

    if not isinstance(remedy, Remedy):
        return ""
    if remedy.image_size is not None:
        return f" (in a config: dataset.image_size={remedy.image_size})"
    if remedy.argument is not None:
        name, value = remedy.argument
        left_out = ", or left out" if remedy.is_inferred and name in INFERRED else ""
        return f" (in a config: model.{name}={format_value(value)}{left_out})"
    if remedy.target:
        return f" (in a config: model._target_={remedy.target})"
    return ""


def _with_keys(error: ConvboardError) -> str:
    """The message, with the key in place of the argument that it begins with, or with the keys at its end."""
    group = "model" if isinstance(error, ModelError) else "dataset"
    keys = [name if name in _TOP_LEVEL else f"{group}.{name}" for name in error.arguments]
    are_all_needed = " needs the argument" in str(error)
    needed = [key if "=" in key else f"{key}=VALUE" for key in keys] if are_all_needed else []
    text, ending = str(error), f" In a config: {' '.join(needed) or ' or '.join(keys)}."
    if text.startswith(f"{keys[0]}=") or text.endswith(ending):  # an inner context has added them
        return text
    if text.startswith(f"{error.arguments[0]}="):
        return keys[0] + text.removeprefix(error.arguments[0])
    return text + ending
