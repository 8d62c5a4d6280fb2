"""What there is to know of one layer or function that ran, as JSON, the tables and the Layers tab have it."""

from dataclasses import dataclass

from convboard.anatomy.receptive_field.theoretical import Sizes
from convboard.anatomy.sliding_window import Pair
from convboard.anatomy.trace import Shape


@dataclass(frozen=True)
class LayerRow:
    """One layer or function, as it ran; every pair is (height, width), every shape is without the batch.

    Attributes:
        name: Module path; the second call of a shared layer is ``name:2``; a function's name stands behind the path of
            the module that calls it. Parameters that belong to no row have one of their own, without shapes:
            ``name (own parameters)`` of a module that has children, ``name (not called)`` of a layer.
        type: The module's class, such as Conv2d, or the function's name, such as relu.
        inputs: Names of the rows whose outputs it is given; ``input`` stands for the image.
        kernel_size: Of its window, in pixels; like the next four, None where it has no window.
        stride: In pixels.
        padding: In pixels on each side, or torch's word ``same``.
        dilation: In pixels.
        groups: Into how many groups the channels fall; convolutions alone have them.
        input_shape: Of the first tensor that it is given.
        output_shape: Of the first tensor that it gives.
        formula: The output size with its numbers put in; empty where the size does not follow from one.
        same_padding: What would keep the size: d·(k−1)/2 pixels on each side, or ``same``, torch's word, where that is
            no whole number; None where the stride makes the output smaller, or there is no window.
        parameters: Parameters that this row adds: shared ones are counted where they first run.
        dense_parameters: Weights that a fully connected layer from the whole input to as many units as there are output
            channels would need, H·W·C_in·C_out; of convolutions alone.
        macs: Multiply-accumulate operations for one image, half of what ``torch.utils.flop_counter`` counts.
        output_bytes: Bytes of the output for one image.
        receptive_field: Pixels of the image that one unit sees, were the image large enough; of units that do not slide
            over it, such as those of a Linear, of the image that it is. None where nothing of the image is seen.
        receptive_stride: Pixels of the image from one unit to the next; None where units do not slide.
        receptive_center: The middle of what the first unit sees, in which the image's first pixel reaches from -0.5 to
            0.5; None where units do not slide.
        effective_kernel: Pixels that the window spans under its dilation, d·(k−1) + 1.
    """

    name: str
    type: str
    inputs: tuple[str, ...]
    kernel_size: Pair | None
    stride: Pair | None
    padding: Pair | str | None
    dilation: Pair | None
    groups: int | None
    input_shape: Shape
    output_shape: Shape
    formula: str
    same_padding: Pair | str | None
    parameters: int
    dense_parameters: int | None
    macs: int
    output_bytes: int
    receptive_field: Pair | None
    receptive_stride: Pair | None
    receptive_center: Sizes | None
    effective_kernel: Pair | None
