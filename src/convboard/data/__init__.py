"""Where images come from, and how a batch is made of them. Knows nothing of models, configs or TensorBoard."""

from convboard.data.augment import CROP_BORDERS, Augmentation
from convboard.data.batches import DATA_LOCATIONS, Batch, Batches
from convboard.data.dataset import ImageDataset, Split
from convboard.data.load import DATASETS, describe_dataset, load_dataset
from convboard.data.normalisation import Normalisation

__all__ = [
    "CROP_BORDERS",
    "DATASETS",
    "DATA_LOCATIONS",
    "Augmentation",
    "Batch",
    "Batches",
    "ImageDataset",
    "Normalisation",
    "Split",
    "describe_dataset",
    "load_dataset",
]
