"""The code of a layer with other settings keeps all the others, and makes that layer."""

from typing import Any

import pytest
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from convboard.anatomy.diagnostics.new_layer import new_layer


class Norm(nn.BatchNorm2d):
    """A class with torch's arguments."""


class Fixed(nn.BatchNorm2d):
    """A class that does not tell its arguments."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=1e-2)


class Scaled(nn.Conv2d):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


class Opaque(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()


@pytest.mark.parametrize(
    ("layer", "changes", "code"),
    [
        (nn.Linear(3, 4, bias=False), {"in_features": 5}, "nn.Linear(5, 4, bias=False)"),
        (
            nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect"),
            {"in_channels": 1},
            "nn.Conv2d(1, 8, 3, padding=1, padding_mode='reflect')",
        ),
        (nn.Conv2d(4, 8, (3, 5), groups=2), {"out_channels": 6}, "nn.Conv2d(4, 6, (3, 5), groups=2)"),
        (
            nn.BatchNorm2d(8, track_running_stats=False, momentum=0.3, eps=1e-3),
            {"num_features": 4},
            "nn.BatchNorm2d(4, eps=0.001, momentum=0.3, track_running_stats=False)",
        ),
        (
            nn.GroupNorm(2, 8, eps=1e-3, affine=False),
            {"num_channels": 4},
            "nn.GroupNorm(2, 4, eps=0.001, affine=False)",
        ),
        (nn.LayerNorm((4, 4)), {}, "nn.LayerNorm((4, 4))"),
        (nn.MaxPool2d(2), {}, "nn.MaxPool2d(2)"),
        (
            nn.MultiheadAttention(4, 2, bias=False),
            {"embed_dim": 6, "kdim": None, "vdim": None},
            "nn.MultiheadAttention(6, 2, bias=False)",
        ),
        (spectral_norm(nn.Conv2d(3, 8, 3)), {"in_channels": 1}, "nn.Conv2d(1, 8, 3)"),
        (Norm(8, eps=1e-3), {"num_features": 4}, "Norm(4, eps=0.001)"),
        (Fixed(8), {"num_features": 4}, "Fixed with num_features=4"),
        (Scaled(3, 8, 3), {"in_channels": 1}, "Scaled with in_channels=1"),
        (Opaque(8), {"num_features": 4}, "Opaque with num_features=4"),
    ],
)
def test_the_settings_that_do_not_change_are_kept(layer: nn.Module, changes: dict[str, Any], code: str) -> None:
    new = new_layer(layer, **changes)
    assert new.code == code
    assert new.is_complete is (" with " not in code)
    if new.kind is not None:
        built = new.build()
        made = eval(code, {"nn": nn, "Norm": Norm}) if new.is_complete else built
        assert repr(made).partition("(")[2] == repr(built).partition("(")[2]
        assert all(getattr(built, name) == value for name, value in changes.items() if value is not None)


def test_the_same_settings_in_another_class() -> None:
    assert new_layer(nn.BatchNorm1d(4, eps=1e-3), nn.BatchNorm2d).code == "nn.BatchNorm2d(4, eps=0.001)"
    assert new_layer(nn.Linear(4, 10, bias=False), nn.LazyLinear).code == "nn.LazyLinear(10, bias=False)"
