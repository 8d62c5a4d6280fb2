"""Small random networks of layers with all kinds of receptive fields, and their true boxes."""

import random
from collections.abc import Callable

import torch
from torch import Tensor, nn


class Branches(nn.Module):
    """Parallel layers, whose outputs are cropped to one size and added or concatenated."""

    def __init__(self, branches: list[nn.Module], joins: bool) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.joins = joins

    def forward(self, x: Tensor) -> Tensor:
        outputs: list[Tensor] = [branch(x) for branch in self.branches]
        height, width = (min(output.shape[axis] for output in outputs) for axis in (2, 3))
        cut = [output[:, :, :height, :width] for output in outputs]
        if self.joins:
            return torch.cat(cut, dim=1)
        channels = min(output.shape[1] for output in outputs)
        total: Tensor = cut[0][:, :channels]
        for output in cut[1:]:
            total = total + output[:, :channels]
        return total


class Shuffle(nn.Module):
    """Interleaves the channels of two groups, as ShuffleNet does."""

    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        return x.view(n, 2, channels // 2, height, width).transpose(1, 2).reshape(n, channels, height, width)


class HalfChanged(nn.Module):
    """A convolution of half of the channels; the others are unchanged."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels // 2, channels // 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        kept, changed = x.chunk(2, dim=1)
        return torch.cat([kept, self.conv(changed)], dim=1)


class WithContext(nn.Module):
    """Adds the mean over the whole feature map to each unit, as squeeze-and-excitation does."""

    def forward(self, x: Tensor) -> Tensor:
        return x + x.mean(dim=(2, 3), keepdim=True)


def random_network(seed: int, input_shape: tuple[int, int, int], largest: int = 16) -> nn.Sequential:
    """Up to six random layers that the images fit, of sides up to `largest`, without zero weights, in float64."""
    choose = random.Random(seed)
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    x = torch.zeros(1, *input_shape)
    for _ in range(choose.randint(2, 6)):
        layer = _random_layer(choose, x.shape[1]).eval()
        try:
            with torch.no_grad():
                output = layer(x)
        except RuntimeError:  # a window larger than what is left
            continue
        if output.numel() and output.shape[1] <= 12 and max(output.shape[2:]) <= largest:
            layers.append(layer)
            x = output
    network = nn.Sequential(*layers or [nn.Identity()]).double().eval()
    for parameter in network.parameters():
        nn.init.uniform_(parameter, 0.1, 1)
    return network


def _random_layer(choose: random.Random, channels: int) -> nn.Module:
    def pair(low: int, high: int) -> tuple[int, int]:
        return choose.randint(low, high), choose.randint(low, high)

    kernel = pair(1, 3)
    half = (kernel[0] // 2 * choose.randint(0, 1), kernel[1] // 2 * choose.randint(0, 1))
    groups = choose.choice([count for count in (1, 2, 3) if channels % count == 0])
    kinds: list[Callable[[], nn.Module]] = [
        lambda: nn.Conv2d(channels, choose.choice([2, 3, 4]), kernel, pair(1, 2), pair(0, 3), pair(1, 2)),
        lambda: nn.Conv2d(channels, 2 * groups, kernel, pair(1, 2), pair(0, 2), groups=groups),
        lambda: nn.Conv2d(channels, 2, 3, padding=1, padding_mode=choose.choice(["reflect", "circular", "replicate"])),
        lambda: nn.MaxPool2d(kernel, pair(1, 2), half, pair(1, 2), ceil_mode=choose.random() < 0.5),
        lambda: nn.AvgPool2d(kernel, pair(1, 2), half, ceil_mode=choose.random() < 0.5),
        lambda: nn.AdaptiveAvgPool2d(pair(1, 4)),
        lambda: nn.ConvTranspose2d(channels, 2 * groups, kernel, pair(1, 2), dilation=pair(1, 2), groups=groups),
        lambda: nn.Upsample(scale_factor=choose.choice([2.0, 1.5]), mode=choose.choice(["nearest", "bilinear"])),
        lambda: nn.ZeroPad2d((*pair(0, 2), *pair(0, 2))),
        lambda: nn.BatchNorm2d(channels),
        lambda: nn.GroupNorm(groups, channels),
        lambda: nn.LocalResponseNorm(2),
        nn.LeakyReLU,
        WithContext,
        Shuffle if channels % 2 == 0 else nn.LeakyReLU,
        lambda: HalfChanged(channels) if channels % 2 == 0 else nn.LeakyReLU(),
        lambda: Branches([_random_layer(choose, channels), nn.Identity()], joins=choose.random() < 0.5),
    ]
    return choose.choice(kinds)()


def true_boxes(
    network: nn.Module, input_shape: tuple[int, int, int], attempts: int = 8
) -> dict[tuple[int, int], tuple[int, ...]]:
    """The box of pixels with a non-zero gradient of a unit, by (row, column), over several random images."""
    boxes: dict[tuple[int, int], Tensor] = {}
    for attempt in range(attempts):
        generator = torch.Generator().manual_seed(attempt)
        image = torch.randn(1, *input_shape, dtype=torch.float64, generator=generator).requires_grad_()
        output = network(image)
        height, width = output.shape[2:]
        for row in range(height):
            for column in range(width):
                for unit in output[0, :, row, column]:
                    (gradient,) = torch.autograd.grad(unit, image, retain_graph=True, allow_unused=True)
                    if gradient is not None:
                        changed = (gradient != 0).any(dim=1)[0]
                        boxes[row, column] = boxes.get((row, column), torch.zeros_like(changed)) | changed
    return {unit: _box_of(changed) for unit, changed in boxes.items()}


def _box_of(changed: Tensor) -> tuple[int, ...]:
    rows, columns = changed.any(dim=1).nonzero().flatten(), changed.any(dim=0).nonzero().flatten()
    if not len(rows):
        return (0, 0, 0, 0)
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
