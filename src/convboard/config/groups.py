"""The closed groups of a config: every key of data set, loss, trainer and board, its type, and the check of its value.

The other groups are open, see `schema`.
"""

import math
from dataclasses import dataclass, field

from omegaconf import MISSING

from convboard.config.value_checks import DEVICES, MOST, MOST_PIXELS, MOST_THREADS, between, one_of
from convboard.data.options import CROP_BORDERS, DATA_LOCATIONS, DATASETS, FITS
from convboard.errors import ConfigError

LOSSES = ("cross_entropy", "mse")
PLAN_MODES = ("auto", "measure", "default", "none")
PRECISIONS = ("fp32", "bf16", "auto")
BOARD_LEVELS = ("minimal", "default", "full")


@dataclass
class DatasetConfig:
    """Source of the images and augmentation of the training batches.

    Attributes:
        name: `digits`, `mnist`, `fashion_mnist`, `cifar10` or `image_folder`.
        path: Folder with one folder of pictures per class, for `image_folder`.
        image_size: Side in pixels to which images are resized; None: the size that the model asks for, or else the
            images' own.
        fit: How pictures of an `image_folder` become squares: `crop`: their middle; `pad`: the whole picture in a black
            border, never scaled up; `stretch`: the whole picture in other proportions.
        val_size: Number of training images set aside for validation; None: the data set's own number.
        random_crop: Pixels of padding around a training image, from which a window of its size is cropped at random.
        crop_border: Padding of random_crop: `black`, or `reflect` to mirror the image at its edge.
        horizontal_flip: Mirror half of the training images in one epoch, and the other half in the next.
        cutout: Side in pixels of a square that is set to the mean in each training image; 0: none.
        data_location: `device`: all images in the device's memory; `stream`: read batch by batch; `auto`: `device` if
            they fit.
        num_workers: Number of processes that read ahead when images are streamed.
    """

    name: str = MISSING
    path: str | None = None
    image_size: int | None = None
    fit: str = "pad"  # also that of the runs of versions that did not have this key
    val_size: int | None = None
    random_crop: int = 0
    crop_border: str = "black"
    horizontal_flip: bool = False
    cutout: int = 0
    data_location: str = field(default="auto", metadata={"formerly": "residence"})
    num_workers: int = 0

    def __post_init__(self) -> None:
        one_of("dataset.name", self.name, DATASETS)
        one_of("dataset.fit", self.fit, FITS)
        one_of("dataset.crop_border", self.crop_border, CROP_BORDERS)
        one_of("dataset.data_location", self.data_location, DATA_LOCATIONS)
        between("dataset.image_size", self.image_size, 1, MOST_PIXELS)
        between("dataset.val_size", self.val_size, 1)
        between("dataset.random_crop", self.random_crop, 0)
        between("dataset.cutout", self.cutout, 0)
        between("dataset.num_workers", self.num_workers, 0, MOST_THREADS)
        if self.name == "image_folder" and not self.path:
            raise ConfigError(
                "dataset.path is not set: dataset=image_folder needs the folder that holds one folder of pictures "
                "per class. Add dataset.path=<folder>."
            )
        if self.path and self.name != "image_folder":
            raise ConfigError(
                f"dataset.path={self.path} cannot be used with dataset={self.name}: it belongs to "
                "dataset=image_folder. The files of the other datasets are in data_dir."
            )
        if self.fit != "pad" and self.name != "image_folder":
            raise ConfigError(
                f"dataset.fit={self.fit} cannot be used with dataset={self.name}, whose images are squares: it belongs "
                "to dataset=image_folder."
            )


@dataclass
class LossConfig:
    """The loss.

    Attributes:
        name: `cross_entropy`, or `mse` against one-hot labels.
        label_smoothing: Share of each label that is spread over all classes; for `cross_entropy` only.
    """

    name: str = "cross_entropy"
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        one_of("loss.name", self.name, LOSSES)
        if not 0.0 <= self.label_smoothing < 1.0:
            raise ConfigError(
                f"loss.label_smoothing={self.label_smoothing}: must be at least 0 and below 1; 0.1 is usual."
            )
        if self.label_smoothing and self.name != "cross_entropy":
            raise ConfigError(
                f"loss.label_smoothing={self.label_smoothing} has no meaning for loss.name={self.name}: "
                "use loss=cross_entropy, or label_smoothing=0."
            )


@dataclass
class TrainerConfig:
    """Length, device and computation of the training.

    Attributes:
        max_epochs: Number of epochs to train.
        device: `cpu`, `cuda`, `mps`, or `auto`: a GPU if there is one.
        plan: `auto`: measure before the run how its steps are computed fastest, or reuse the measurement of an earlier
            run; `measure`: measure again, however short the run, and replace the stored measurement; `default`: what
            is used where nothing is measured; `none`: plain eager steps in NCHW. The keys below that are set by hand
            always stay as they are set.
        precision: `fp32`, `bf16` for autocast to bfloat16, or `auto`: whichever was measured to be faster, and fp32
            where nothing is measured.
        channels_last: Store images and kernels as NHWC, which is often faster; None: the plan decides.
        compile: Run the training steps through torch.compile; None: the plan decides.
        cuda_graph: Record the training step once as a CUDA graph and replay it; None: the plan decides.
        threads: Number of threads on a CPU; None: the plan decides.
        deterministic: Use only kernels that give the same bits each time, and no measured plan.
        gradient_clip: Total gradient norm to which gradients are clipped; None: no clipping.
        accumulate_batches: Number of batches whose gradients make one optimizer step.
        patience: Early stopping: number of epochs without a better val accuracy after which the run ends; None: never.
        checkpoint_minutes: Minutes between two checkpoints within an epoch. The end of each epoch has one as well.
        limit_train_batches: Number of batches per epoch to train on, for a quick try; None: all.
        limit_val_batches: Number of batches per validation; None: all.
        limit_test_batches: Number of batches of the test at the end; None: all.
        eval_batch_size: Images per batch in validation and test.
        rank_timeout: Seconds without a heartbeat, or within one step, after which a process that torchrun started is
            considered hung, and the run ends.
    """

    max_epochs: int = 15
    device: str = "auto"
    plan: str = "auto"
    precision: str = "fp32"
    channels_last: bool | None = None
    compile: bool | None = None
    cuda_graph: bool | None = None
    threads: int | None = None
    deterministic: bool = False
    gradient_clip: float | None = None
    accumulate_batches: int = 1
    patience: int | None = None
    checkpoint_minutes: float = 5.0
    limit_train_batches: int | None = None
    limit_val_batches: int | None = None
    limit_test_batches: int | None = None
    eval_batch_size: int = 500
    rank_timeout: float = 20.0

    def __post_init__(self) -> None:
        one_of("trainer.device", self.device, DEVICES)
        one_of("trainer.plan", self.plan, PLAN_MODES)
        one_of("trainer.precision", self.precision, PRECISIONS)
        for name in ("max_epochs", "accumulate_batches", "eval_batch_size", "patience"):
            between(f"trainer.{name}", getattr(self, name), 1)
        between("trainer.threads", self.threads, 1, MOST_THREADS)
        for split in ("train", "val", "test"):
            between(f"trainer.limit_{split}_batches", getattr(self, f"limit_{split}_batches"), 1)
        if not 0.0 <= self.checkpoint_minutes <= MOST:
            raise ConfigError(
                f"trainer.checkpoint_minutes={self.checkpoint_minutes}: must be a finite number, 0 or above."
            )
        if not 1.0 <= self.rank_timeout <= MOST / 1000:  # it is handed on in milliseconds
            raise ConfigError(
                f"trainer.rank_timeout={self.rank_timeout}: must be a finite number of seconds, 1 or above."
            )
        if self.gradient_clip is not None and not 0.0 < self.gradient_clip < math.inf:
            raise ConfigError(
                f"trainer.gradient_clip={self.gradient_clip}: must be a number above 0; null clips nothing."
            )


@dataclass
class BoardConfig:
    """Amount of output in TensorBoard.

    Attributes:
        level: `minimal`: scalars and texts; `default`: also pictures and histograms; `full`: also precision-recall
            curves and the embedding projector.
        scalar_every: Steps between two points of a curve; None: about 200 points per run, at most 50 steps apart.
        max_channels: Number of feature maps drawn per layer.
    """

    level: str = "default"
    scalar_every: int | None = None
    max_channels: int = 16

    def __post_init__(self) -> None:
        one_of("board.level", self.level, BOARD_LEVELS)
        between("board.scalar_every", self.scalar_every, 1)
        between("board.max_channels", self.max_channels, 1)
