"""A picture of your own in a network: `python scripts/feature_maps.py run=<run dir> image=cat.jpg`."""

from dataclasses import dataclass, replace
from pathlib import Path

from omegaconf import MISSING

from convboard.cli.arguments import compose_beside, read_shape, split_arguments
from convboard.config.command_line import printable
from convboard.data.options import FITS
from convboard.errors import ConfigError, nearest


@dataclass
class Arguments:
    """Draw what a network computes from a picture of your own: kernels, feature maps, strongest units, prediction.

    With run=, the network is that of the run. Without it, the network is untrained and has no prediction; choose it as
    for training: model=conv_demo, dataset=cifar10, seed=1 and so on.

    Attributes:
        image: The picture, of any size and any format that Pillow reads.
        run: A run directory, such as outputs/digits/lenet/2026-01-31_12-00-00-0a1b2c; null: an untrained network.
        layers: The convolutional layers to draw: names or globs such as conv*, separated by commas.
        channels: Number of feature maps to draw of each layer. Those of its strongest units are among them.
        top: Number of strongest units of each layer whose receptive field is drawn, each of another channel; at most 8.
        input_shape: Channels, height and width of an untrained network's images, such as [3,224,224]; null: those of
            the dataset, if one is chosen, or else the network's default.
        fit: How the picture gets the shape of the network's images: crop, pad or stretch; null: as the pictures of the
            run, or else crop.
        invert: Invert the brightness, for dark ink on white paper and a network trained on white digits on black.
        out: The PNG to write; null: feature_maps/<picture>.png in the run, or <picture>_<model>.png here.
        log: Write the drawing to TensorBoard as well.
        trust: Build the run's network although its class is not convboard's own. That runs code that the run names.
    """

    image: str = MISSING
    run: str | None = None
    layers: str = "*"
    channels: int = 16
    top: int = 3
    input_shape: str | None = None
    fit: str | None = None
    invert: bool = False
    out: str | None = None
    log: bool = False
    trust: bool = False

    def __post_init__(self) -> None:
        if self.fit is not None and self.fit not in FITS:
            raise ConfigError(f"fit={self.fit!r} is not known. {nearest(self.fit, FITS)}")


def main() -> None:
    """Draw the picture, write the drawing, and print the strongest units and the prediction."""
    arguments, overrides = split_arguments(Arguments, "feature-maps")
    image = Path(arguments.image)
    shape = read_shape(arguments.input_shape)
    composed = compose_beside(arguments.run, overrides, [f"input_shape={arguments.input_shape}"] if shape else [])
    from convboard.experiment import run_dir, untrained  # after the arguments are checked: these import torch
    from convboard.feature_maps import inspection

    if composed is None:
        model = run_dir.load_run(str(arguments.run)).inference_model(arguments.trust)
        default = Path(str(arguments.run)) / "feature_maps" / f"{image.stem}.png"
    else:
        model = untrained.untrained_model(composed, shape)
        default = Path(f"{image.stem}_{composed.model_name}.png")
    seen = inspection.inspect(
        replace(model, fit=arguments.fit or model.fit),
        image,
        default=default,
        out=arguments.out,
        layers=arguments.layers.split(","),
        channels=arguments.channels,
        top=arguments.top,
        invert=arguments.invert,
        log=arguments.log,
    )
    print(printable("\n".join(seen.lines())))
