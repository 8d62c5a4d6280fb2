"""Look at a picture of your own through a network: `python scripts/feature_maps.py run=<run dir> image=cat.jpg`."""

from dataclasses import dataclass
from pathlib import Path

from omegaconf import MISSING

from convboard.cli.arguments import compose_beside, read_shape, split_arguments


@dataclass
class Arguments:
    """Draw what a network makes of a picture of your own: kernels, feature maps, and what the strongest units look at.

    With run=, the network is that of the run, and it says what it takes the picture for. Without, it is an untrained
    one, chosen as in train.py: model=conv_demo, dataset=cifar10, seed=1 and so on.

    Attributes:
        image: The picture: any size, any kind that Pillow reads.
        run: A run directory, such as outputs/digits/lenet/2026-01-31_12-00-00-0a1b2c; null for an untrained network.
        layers: The conv layers to draw: names or globs such as conv*, several with commas between.
        channels: Feature maps drawn of each layer; those of its strongest units are among them.
        top: Strongest units of each layer whose region is drawn, each of another channel; 8 at most.
        input_shape: Channels, height and width for an untrained network, such as [3,224,224]; null: those of the
            dataset, if one is chosen, else what the network takes by default.
        invert: Make dark what is bright, for ink on white paper and a network that has learned white on black.
        out: The PNG to write; null: feature_maps/<picture>.png in the run, or <picture>_<model>.png here.
        log: Write the same to TensorBoard too.
        trust: Build the run's network although its class is not convboard's own, which runs code that the run names.
    """

    image: str = MISSING
    run: str | None = None
    layers: str = "*"
    channels: int = 16
    top: int = 3
    input_shape: str | None = None
    invert: bool = False
    out: str | None = None
    log: bool = False
    trust: bool = False


def main() -> None:
    """Draw, write, and say what was seen."""
    arguments, overrides = split_arguments(Arguments, "feature-maps")
    image = Path(arguments.image)
    shape = read_shape(arguments.input_shape)
    composed = compose_beside(arguments.run, overrides, [f"input_shape={arguments.input_shape}"] if shape else [])
    from convboard.feature_maps import (
        inspection,  # after the arguments are checked: this imports torch
        network,  # after the arguments are checked: this imports torch
    )

    if composed is None:
        subject = network.trained_network(str(arguments.run), arguments.trust)
        default = Path(str(arguments.run)) / "feature_maps" / f"{image.stem}.png"
    else:
        subject = network.untrained_network(composed, shape)
        default = Path(f"{image.stem}_{composed.model_name}.png")
    seen = inspection.inspect(
        subject,
        image,
        default=default,
        out=arguments.out,
        layers=arguments.layers.split(","),
        channels=arguments.channels,
        top=arguments.top,
        invert=arguments.invert,
        log=arguments.log,
    )
    print("\n".join(seen.lines()))
