"""The values that this package allows. Nothing is imported here, so that a config is checked before torch is loaded."""

DATASETS = ("digits", "mnist", "fashion_mnist", "cifar10", "image_folder")
"""Names of the data sets; `load` has a source for each."""

CROP_BORDERS = ("black", "reflect")
"""Borders of a random crop: black pixels, or the image mirrored at its edge."""

DATA_LOCATIONS = ("auto", "device", "stream")
"""Locations of the images: on the device, or streamed to it; `auto` chooses by its free memory."""

FITS = ("pad", "crop", "stretch")
"""How a picture gets another shape: a black border around it, its middle, or other proportions."""
