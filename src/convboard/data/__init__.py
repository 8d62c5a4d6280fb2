"""Where images come from, and how a batch is made of them. Knows nothing of models, configs or TensorBoard."""

from convboard.data.augment import Augmentation
from convboard.data.batches import RESIDENCES, Batch, Batches
from convboard.data.dataset import ImageDataset, Split
from convboard.data.load import DATASETS, load_dataset

__all__ = [
    "DATASETS",
    "RESIDENCES",
    "Augmentation",
    "Batch",
    "Batches",
    "ImageDataset",
    "Split",
    "load_dataset",
]
