"""Layers with the settings of another one but for some, and the code that makes them."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.nn.utils.parametrize import type_before_parametrizations

_PLAIN = (int, float, str, bool, type(None))


@dataclass(frozen=True)
class NewLayer:
    """A layer that is not built yet.

    Attributes:
        kind: Its class, or else a base of it that can be called; None if none can.
        arguments: Those of this class.
        code: What makes it, as people write it: `nn.Conv2d(1, 8, 3)`; or `MyNorm with num_features=4` for a class whose
            arguments cannot be seen.
    """

    kind: type[nn.Module] | None
    arguments: Mapping[str, Any]
    code: str

    @property
    def is_complete(self) -> bool:
        """Whether `code` is Python."""
        return self.code.endswith(")")

    def build(self) -> nn.Module:
        """Build it."""
        assert self.kind is not None, "a class that cannot be called"
        return self.kind(**self.arguments)


def new_layer(layer: nn.Module, kind: type[nn.Module] | None = None, **changes: Any) -> NewLayer:
    """Return a layer with the settings of another one.

    Args:
        layer: The other one.
        kind: Class of the new layer; None for the same.
        **changes: Settings with another value, by their names in torch.
    """
    own: Any = kind or type_before_parametrizations(layer)
    for cls in own.__mro__[:-1]:
        arguments = _arguments(cls, layer, changes)
        if arguments is not None:
            code = _call(cls, arguments) if cls is own else _described(own, changes)
            return NewLayer(cls, arguments, code)
    return NewLayer(None, {}, _described(own, changes))


def rebuilt(layer: nn.Module, kind: type[nn.Module] | None = None, **changes: Any) -> tuple[nn.Module, str]:
    """Return a layer with the settings of another one, and the code that makes it; see `new_layer`."""
    new = new_layer(layer, kind, **changes)
    return new.build(), new.code


def _arguments(cls: Any, layer: nn.Module, changes: Mapping[str, Any]) -> dict[str, Any] | None:
    """The arguments with which a class makes such a layer; None if they cannot be seen."""
    is_of_torch, arguments = cls.__module__.startswith("torch."), dict[str, Any]()
    for name, parameter in inspect.signature(cls).parameters.items():
        if name in ("device", "dtype"):
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            return None
        missing = parameter.default if is_of_torch else parameter.empty
        value = changes[name] if name in changes else _setting(layer, name, missing)
        if not _is_plain(value):
            return None
        arguments[name] = value
    return arguments if changes.keys() <= arguments.keys() else None


def _setting(layer: nn.Module, name: str, missing: Any) -> Any:
    """The value of an argument that made a layer; `missing` if the layer does not tell."""
    if isinstance(layer, nn.MultiheadAttention) and name in ("bias", "add_bias_kv"):
        return (layer.in_proj_bias if name == "bias" else layer.bias_k) is not None
    value = getattr(layer, name, missing)
    if name == "bias" and not isinstance(value, bool):
        # A norm without weights has no bias, whatever it was given.
        return value is not None or not getattr(layer, "affine", getattr(layer, "elementwise_affine", True))
    if isinstance(value, tuple) and (len(value) == 1 or name != "normalized_shape") and len(set(value)) == 1:
        return value[0]
    return value


def _is_plain(value: Any) -> bool:
    return all(map(_is_plain, value)) if isinstance(value, (tuple, list)) else isinstance(value, _PLAIN)


def _call(cls: Any, arguments: Mapping[str, Any]) -> str:
    texts = []
    for name, value in arguments.items():
        default = inspect.signature(cls).parameters[name].default
        is_default = value == default or (default is None and value == arguments.get("kernel_size"))
        if default is inspect.Parameter.empty:
            texts.append(repr(value))
        elif not is_default:
            texts.append(f"{name}={value!r}")
    prefix = "nn." if getattr(nn, cls.__name__, None) is cls else ""
    return f"{prefix}{cls.__name__}({', '.join(texts)})"


def _described(cls: Any, changes: Mapping[str, Any]) -> str:
    return f"{cls.__name__} with {' and '.join(f'{name}={value!r}' for name, value in changes.items())}"
