"""The usual names of the folders of splits."""

import re

SPLITS = ("train", "val", "test")

_NAMES = {
    "train": {"train", "training", "trn", "trainset", "trainingset", "traindata"},
    "val": {"val", "valid", "validation", "validate", "dev", "eval", "evaluation", "valset", "validationset"},
    "test": {"test", "testing", "tst", "testset", "testdata", "holdout"},
}
_SAYS_NOTHING = {
    "set",
    "data",
    "dataset",
    "split",
    "image",
    "images",
    "imgs",
    "img",
    "pictures",
    "photos",
    "jpg",
    "png",
}


def split_of(name: str) -> tuple[str, frozenset[str]] | None:
    """Return the split that a folder's name means, and the other words in it; None if it means none.

    Args:
        name: Such as `Training`, `seg_train` or `valid`. `train_station` means the split `train` too, with the other
            word `station`: whether folders are splits is seen by their having the same other words.
    """
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)]
    for split, names in _NAMES.items():
        if names.intersection(words):
            return split, frozenset(words) - names - _SAYS_NOTHING
    return None
