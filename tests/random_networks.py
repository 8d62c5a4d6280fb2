"""Small random networks of layers and functions with all kinds of receptive fields.

`tests/true_fields.py` finds what their units truly depend on.
"""

import random
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import Tensor, nn

Shape = tuple[int, int, int]

# Functions of x = [N, C, H, W], as they may be called in a forward. `self` is an `Apply`, which has the weights
# w [C], m [3, C] and k [3, C, 3, 3]; c, h and w are the sizes of x.
ELEMENTWISE = """
    x * 0.5 + 0.1
    torch.where(x > 0, x, 0.1 * x)
    x * (x > 0)
    x.masked_fill(x < 0, 0.0)
    torch.hypot(x, x + 1)
    torch.lerp(x, x.flip(1), 0.5)
    x.to(torch.float32).to(x)
    x.type_as(self.w)
    x * self.w.view(1, -1, 1, 1)
    x + self.w.view(1, -1, 1, 1).expand_as(x)
    x + torch.ones(c, h, w).to(x).cumsum(2).expand_as(x)
    torch.addcmul(x, x, x)
    torch.clamp(x, min=-1.0, max=torch.tensor(2.0, dtype=x.dtype))
    torch.stack([torch.relu(image) for image in x])
    x.abs().sqrt() + (x.round() == 0)
    torch.complex(x, x).abs()
    torch.nn.functional.softplus(x).add_(x)
    torch.sign(x)
    torch.atan2(x, x + 1)
    torch.special.expit(x)
    x.new_tensor(1.0) * x
    x ** 2
    -x
    2 - x
    torch.maximum(x, x.flip(1))
    torch.bucketize(x.detach(), torch.tensor([-1.0, 0.0, 1.0], dtype=x.dtype)).to(x)
    self.table[(x > 0).long()]
    self.table.index_select(0, (x > 0).long().flatten()).view(x.shape)
    F.embedding((x > 0).long(), self.table.view(-1, 1)).squeeze(-1)
    F.one_hot((x[:, 0] > 0).long(), 2).permute(0, 3, 1, 2).to(x)
    torch.gather(self.table.expand(x.shape[0], 2), 1, (x > 0).long().flatten(1)).view(x.shape)
    written(x, lambda y: y.mul_(2))
    written(x, lambda y: y.relu_())
    written(x, lambda y: torch.add(x, 1, out=y))
"""
CHANNELS = """
    x.mean(1, keepdim=True)
    x.amax(1, keepdim=True)
    x.max(dim=1, keepdim=True)[0]
    x.median(1, keepdim=True).values
    x.softmax(1)
    x.sort(1)[0]
    x.topk(1, 1)[0]
    x.gather(1, x.argmax(1, keepdim=True))
    torch.take_along_dim(x, x.argsort(1), 1)
    x.cummax(1)[0]
    x.cumsum(1)
    x.norm(dim=1, keepdim=True)
    F.normalize(x, dim=1)
    F.glu(torch.cat([x, x], 1), 1)
    F.cosine_similarity(x, x.flip(1), dim=1).unsqueeze(1)
    F.rms_norm(x.permute(0, 2, 3, 1), [c]).permute(0, 3, 1, 2)
    F.layer_norm(x.permute(0, 2, 3, 1), [c]).permute(0, 3, 1, 2)
    torch.einsum('nchw,dc->ndhw', x, self.m)
    torch.einsum('nchw,nchw->nhw', x, x).unsqueeze(1)
    torch.tensordot(x, self.m, ([1], [1])).movedim(-1, 1)
    torch.matmul(x.permute(0, 2, 3, 1), self.m.T).permute(0, 3, 1, 2)
    (self.m @ x.flatten(2)).view(-1, 3, h, w)
    torch.baddbmm(torch.zeros(1, 1, 1, dtype=x.dtype), self.m.expand(len(x), 3, c), x.flatten(2)).view(-1, 3, h, w)
    torch.bmm(self.m.expand(len(x), 3, c), x.flatten(2)).view(-1, 3, h, w)
    F.linear(x.flatten(2).transpose(1, 2), self.m).transpose(1, 2).unflatten(2, (h, w))
    F.conv1d(x.flatten(2), self.m.unsqueeze(-1)).view(-1, 3, h, w)
    F.conv3d(x.unsqueeze(2), self.k.unsqueeze(2), padding=(0, 1, 1)).squeeze(2)
    torch.stack([F.conv2d(image, self.k, padding=1) for image in x])
    F.conv2d(x, self.k, padding='same')
    F.conv2d(x, self.k - self.k.mean(), stride=2, padding=1)
    F.conv2d(x, torch.einsum('dc,cxy->dcxy', self.m, self.k[0]))
    F.conv_transpose2d(x, self.k.transpose(0, 1), stride=2, padding=1, output_padding=1)
    F.conv2d(x.float(), self.k.float()).double()
    torch.cat(x.split(1, 1)[::-1], 1)
    torch.stack(x.unbind(1)[::-1], 1)
    x[:, torch.arange(c - 1, -1, -1)]
    x[:, :1].expand(-1, 3, -1, -1)
    x[:, [0, 0]]
    torch.cat([x[:, i : i + 1] * self.w[i] for i in range(c)], dim=1)
    sum(x[:, i] for i in range(c)).unsqueeze(1)
    torch.cat([x, x.new_zeros(len(x), 1, h, w)], 1)
    F.channel_shuffle(torch.cat([x, x], 1), 2)
    torch.cat([x, x], 1).view(-1, 2, c, h, w).transpose(1, 2).reshape(-1, 2 * c, h, w)
    torch.cat([x, x], 1).view(-1, 2, c, h, w).transpose(1, 2).flatten(1, 2)[:, :c]
    x.reshape(-1, 1, h, w).view(-1, c, h, w)
    F.dropout2d(x, 0.5, training=False)
    torch.var_mean(x, 1, keepdim=True)[1]
    x.std(1, keepdim=True, unbiased=False)
    x.prod(1, keepdim=True)
    written(x, lambda y: y[:, :1].mul_(0.5))
    written(x, lambda y: y[:, 0].copy_(x[:, -1]))
    torch.stack([image.masked_scatter(image > 0, image) for image in x])
"""
POSITIONS = """
    x.flip(2)
    x.flip((2, 3))
    x.transpose(2, 3)
    x.mT
    x.roll(1, 2)
    x.rot90(1, (2, 3))
    x[:, :, ::2]
    x[:, :, 1:, :-1]
    x[..., torch.arange(w - 1, -1, -1)]
    x[:, :, [0, -1]]
    x[:, :, torch.arange(0, h, 2)][..., torch.arange(0, w, 2)]
    x.index_select(2, torch.arange(h - 1, -1, -1))
    x.narrow(3, 0, w - 1)
    x.gather(3, torch.arange(w - 1, -1, -1).expand_as(x))
    torch.cat([x, x.flip(3)], 2)
    torch.cat(torch.tensor_split(x, 2, 2)[::-1], 2)
    torch.cat(x.chunk(2, 3), 1) if w % 2 == 0 else x
    x.repeat_interleave(2, 2)
    x.repeat(1, 1, 1, 2)
    x.unfold(2, 2, 1).amax(-1)
    x.unfold(2, 2, 2).unfold(3, 2, 2).flatten(4).mean(-1)
    F.pixel_shuffle(x.repeat(1, 4, 1, 1), 2)
    F.pixel_unshuffle(x[:, :, : h // 2 * 2, : w // 2 * 2], 2)[:, :4]
    F.pad(x, (1, 0, 2, 1))
    F.pad(x, (1, 1, 1, 0), mode='reflect')
    F.pad(x, (-1, 0, 0, -1))
    F.interpolate(x, scale_factor=2, mode='bilinear')
    F.interpolate(x, size=(h, 2 * w), mode='nearest')
    F.interpolate(x, size=(h // 2, w // 2), mode='area')
    F.interpolate(x, size=(h + 1, w + 2), mode='bicubic', align_corners=True)
    F.max_pool2d(x, 2, return_indices=True)[0]
    F.max_pool2d(x, 3, 1, 1)
    F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2, output_size=(h, w))
    F.adaptive_max_pool2d(x, 2, return_indices=True)[0]
    F.adaptive_avg_pool2d(x, (2, 3))
    F.lp_pool2d(x.abs(), 2, 2)
    F.avg_pool2d(x, 3, 2, 1, ceil_mode=True)
    F.avg_pool1d(x.flatten(1, 2), 2).unflatten(1, (c, h))
    F.max_pool3d(x.unsqueeze(2), (1, 2, 2)).squeeze(2)
    F.fold(F.unfold(x, 3, padding=1), (h, w), 3, padding=1)
    F.unfold(x, 2, stride=2)[:, :4].unflatten(2, (h // 2, w // 2))
    convolved_along_rows(x, self.m)
    x.diff(dim=3)
    x[:, :, 1:] - x[:, :, :-1]
    x + x.flip(2)
    x * x.roll(2, 3)
    written(x, lambda y: y[:, :, 0].fill_(0.0))
    written(x, lambda y: y[:, :, :1].add_(1.0))
    written(x, lambda y: y.__setitem__((slice(None), slice(None), slice(1, None)), x[:, :, :-1] * 2))
    written(x, lambda y: y[..., ::2].copy_(x[..., :1].expand_as(y[..., ::2])))
    written(x, lambda y: y.index_copy_(2, torch.tensor([0]), x[:, :, -1:]))
    written(x, lambda y: y.transpose(2, 3)[:, :, 0].mul_(3.0))
    x.tril()
    x.flatten(2).view(-1, c, h * w // 2, 2) if h * w % 2 == 0 else x
    x.reshape(-1, c, w, h)
    x.softmax(3).flatten(1).view(x.shape)
    x.permute(0, 1, 3, 2).contiguous().view(-1, c, w, h)
    x.as_strided((len(x), c, h - 1, w), x.contiguous().stride()) if x.is_contiguous() else x
    x.index_add(2, torch.tensor([0]), x[:, :, -1:])
    x.scatter(3, torch.zeros(len(x), c, h, 1, dtype=torch.long), x[..., -1:])
    torch.cat([torch.relu(x[:, :, :1]), x[:, :, 1:]], 2)
    torch.stack([x, x.flip(2)], 2).amax(2)
"""
WIDE = """
    x + x.mean((2, 3), keepdim=True)
    x * torch.sigmoid(F.adaptive_avg_pool2d(x, 1))
    x - x.amax(3, keepdim=True)
    x.cumsum(2)
    x.softmax(3)
    x.logsumexp(2, keepdim=True) + x
    x.cummax(3)[0]
    x.sort(3)[0]
    x / x.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    F.linear(x, torch.full((w, w), 0.3, dtype=x.dtype))
    torch.einsum('nchw,vw->nchv', x, torch.full((w, w), 0.3, dtype=x.dtype))
    (x.flatten(2).transpose(1, 2) @ x.flatten(2)).softmax(-1).sum(2).view(-1, 1, h, w)
    attended(x)
    F.instance_norm(x)
    F.layer_norm(x, [w])
    F.group_norm(x, 1)
    x.flip(3).cumsum(3).flip(3)
    torch.fft.fft(x, dim=3).abs()
    x @ x.transpose(2, 3)
    torch.gather(x, 3, x.argmax(3, keepdim=True).expand_as(x))
    warped(x)
    x.view(-1, c, 1, h * w).amax(3, keepdim=True) + x
"""


def expressions(*texts: str) -> list[str]:
    """The lines of some texts that have something on them."""
    return [line.strip() for text in texts for line in text.splitlines() if line.strip()]


def written(x: Tensor, write: Callable[[Tensor], object]) -> Tensor:
    """A copy of x, written to in place."""
    copy = x.clone()
    write(copy)
    return copy


def attended(x: Tensor) -> Tensor:
    """Attention of each pixel to all others."""
    tokens = x.flatten(2).transpose(1, 2)
    return F.scaled_dot_product_attention(tokens, tokens, tokens).transpose(1, 2).view(x.shape)


def convolved_along_rows(x: Tensor, weight: Tensor) -> Tensor:
    """A one-dimensional convolution of each row as an image of its own."""
    rows = F.conv1d(x.transpose(1, 2).flatten(0, 1), weight.unsqueeze(-1).expand(-1, -1, 2))
    return rows.view(len(x), -1, *rows.shape[1:]).transpose(1, 2)


def warped(x: Tensor) -> Tensor:
    """The feature map sampled at the places of its own pixels."""
    grid = F.affine_grid(torch.eye(2, 3, dtype=x.dtype).expand(len(x), 2, 3), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


class Apply(nn.Module):
    """A function of the feature map, which its `expression` shows."""

    def __init__(self, expression: str, channels: int) -> None:
        super().__init__()
        self.expression = expression
        self.w = nn.Parameter(torch.ones(channels))
        self.m = nn.Parameter(torch.ones(3, channels))
        self.k = nn.Parameter(torch.ones(3, channels, 3, 3))
        self.table = nn.Parameter(torch.tensor([0.3, 0.9]))
        self._function = eval(f"lambda self, x, c, h, w: {expression}", globals())

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self._function(self, x, *x.shape[1:])
        return out

    def extra_repr(self) -> str:
        return self.expression


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


def random_network_of_functions(seed: int) -> tuple[nn.Sequential, Shape]:
    """A random network of layers and functions of all kinds, and the shape of its images."""
    shape = random_shape(seed)
    narrow = expressions(ELEMENTWISE, CHANNELS, POSITIONS)
    return random_network(seed, shape, 12, narrow, expressions(WIDE)), shape


def random_shape(seed: int) -> Shape:
    """The shape of small images."""
    choose = random.Random(seed)
    return choose.randint(1, 3), choose.randint(5, 9), choose.randint(5, 9)


def random_network(
    seed: int, input_shape: Shape, largest: int = 16, functions: Sequence[str] = (), wide: Sequence[str] = ()
) -> nn.Sequential:
    """A network of up to six random layers that fit the images, in float64, with positive weights.

    Args:
        seed: Decides all of it.
        input_shape: (C, H, W) of the images.
        largest: No feature map has a longer side.
        functions: Expressions of `Apply` that may stand where a layer does.
        wide: Further ones, of which a network has one at most: all behind them sees everything.
    """
    choose = random.Random(seed)
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    x = torch.zeros(2, *input_shape, dtype=torch.float64)
    is_wide = False
    for _ in range(choose.randint(2, 6)):
        if wide and not is_wide and choose.random() < 0.08:
            layer: nn.Module = Apply(choose.choice(wide), x.shape[1])
        else:
            layer = _random_layer(choose, x.shape[1], functions)
        make_positive(layer.double().eval())
        try:
            with torch.no_grad():
                output = layer(x)
        except (RuntimeError, IndexError, ValueError):  # a window larger than what is left
            continue
        if output.ndim == 4 and output.numel() and output.shape[1] <= 12 and max(output.shape[2:]) <= largest:
            is_wide |= isinstance(layer, Apply) and layer.expression in wide
            layers.append(layer)
            x = output
    return nn.Sequential(*layers or [nn.Identity()]).double().eval()


def make_positive(layer: nn.Module) -> None:
    """Weights so that no sum is zero by chance, and that values neither vanish nor grow."""
    for parameter in layer.parameters():
        fan_in = parameter[0].numel() if parameter.ndim > 1 else 1
        nn.init.uniform_(parameter, 0.2 / fan_in**0.5, 1 / fan_in**0.5)


def _random_layer(choose: random.Random, channels: int, functions: Sequence[str] = ()) -> nn.Module:
    def pair(low: int, high: int) -> tuple[int, int]:
        return choose.randint(low, high), choose.randint(low, high)

    if functions and choose.random() < 0.6:
        return Apply(choose.choice(functions), channels)
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
        lambda: Branches([_random_layer(choose, channels, functions), nn.Identity()], joins=choose.random() < 0.5),
    ]
    return choose.choice(kinds)()
