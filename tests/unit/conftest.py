"""What several tests here share."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A picture of noise, 60x40."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    return tmp_path / "a.png"


MakePicture = Callable[..., Path]


@pytest.fixture
def make_picture() -> MakePicture:
    """Save a picture of one colour: `make_picture(path, "RGB", (8, 8), "red")`."""

    def make(path: Path, mode: str = "RGB", size: tuple[int, int] = (8, 8), color: object = 0) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, size, color).save(path)  # type: ignore[arg-type]
        return path

    return make
