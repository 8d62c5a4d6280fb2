"""A config's images, loaded; what `data/` refuses is said in terms of the config's keys."""

from pathlib import Path

from convboard.config.schema import TrainConfig
from convboard.data.dataset import ImageDataset
from convboard.data.load import load_dataset


def build_dataset(config: TrainConfig) -> ImageDataset:
    """Load the config's images, at the size that the config or else the model asks for."""
    chosen = config.dataset
    image_size = chosen.image_size or config.model.get("image_size")
    path = Path(chosen.path) if chosen.path else None
    return load_dataset(chosen.name, Path(config.data_dir), path=path, image_size=image_size, val_size=chosen.val_size)
