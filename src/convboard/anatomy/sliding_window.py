"""The arithmetic of sliding windows: what size a convolution or a pooling makes of a picture."""

import math
from dataclasses import dataclass, replace

Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """The window of a convolution or a pooling; every pair is (height, width).

    Attributes:
        kernel_size: Size of the window in pixels, without its gaps.
        stride: Pixels from one window to the next.
        total_padding: Pixels added on both sides together.
        dilation: Pixels from one row or column of the window to the next; 1 has no gaps.
        ceil_mode: A window that only partly lies on the picture counts too.
    """

    kernel_size: Pair
    stride: Pair
    total_padding: Pair
    dilation: Pair
    ceil_mode: bool = False

    @property
    def extent(self) -> Pair:
        """Pixels that a window spans, gaps included: d·(k−1) + 1."""
        height, width = (d * (k - 1) + 1 for k, d in zip(self.kernel_size, self.dilation))
        return height, width

    @property
    def same_padding(self) -> Pair | str | None:
        """Pixels on each side that would keep the size; ``same`` where one side needs one more; None under a stride."""
        if self.stride != (1, 1):
            return None
        height, width = (extent - 1 for extent in self.extent)
        return "same" if height % 2 or width % 2 else (height // 2, width // 2)

    def padded(self, total_padding: Pair) -> "Window":
        """The same window over a picture that is padded so."""
        return replace(self, total_padding=total_padding)

    def fits(self, size: Pair) -> bool:
        """Whether at least one whole window lies on a picture of this size with its padding."""
        return all(n + p >= e for n, p, e in zip(size, self.total_padding, self.extent))

    def output_size(self, size: Pair) -> Pair:
        """The size that comes out, by the formula in the documentation of torch.nn.Conv2d and MaxPool2d."""
        height, width = (self._along(axis, size[axis])[0] for axis in (0, 1))
        return height, width

    def formula(self, size: Pair) -> str:
        """The same with its numbers put in: ``⌊(28 + 2·2 − 1·(5−1) − 1)/1⌋ + 1 = 28``."""
        height, width = (self._along(axis, size[axis])[1] for axis in (0, 1))
        return height if height == width else f"height {height}, width {width}"

    def _along(self, axis: int, size: int) -> tuple[int, str]:
        kernel, stride = self.kernel_size[axis], self.stride[axis]
        padding, dilation = self.total_padding[axis], self.dilation[axis]
        steps = size + padding - dilation * (kernel - 1) - 1
        result = (math.ceil(steps / stride) if self.ceil_mode else steps // stride) + 1
        correction = ""
        # torch drops a last window that would begin beyond the picture and its left padding.
        if self.ceil_mode and (result - 1) * stride >= size + padding // 2:
            result -= 1
            correction = " − 1"
        padded = f"{size} + 2·{padding // 2}" if padding % 2 == 0 else f"{size} + {padding}"
        left, right = "⌈⌉" if self.ceil_mode else "⌊⌋"
        fraction = f"{left}({padded} − {dilation}·({kernel}−1) − 1)/{stride}{right}"
        return result, f"{fraction} + 1{correction} = {result}"
