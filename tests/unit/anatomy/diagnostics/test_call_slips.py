"""Slips in calls: each is followed by its remedy, with which the network was run."""

from collections.abc import Callable
from typing import Any

import pytest
import torch as real

from diagnosed_networks import LambdaNetwork, found

torch: Any = real  # slips are type errors
nn, F = torch.nn, torch.nn.functional

FORWARDS: list[tuple[Callable[[Any, Any], Any], str]] = [
    (lambda m, x: m[1](F.max_pool2d(m[0](x)).flatten(1)), "give it its kernel_size, as in F.max_pool2d(m[0](x), k"),
    (lambda m, x: m[1](F.adaptive_avg_pool2d(m[0](x)).flatten(1)), "give it its output_size, as in F.adaptive_avg"),
    (lambda m, x: m[1](F.interpolate(m[0](x)).flatten(1)), "give it a size or a scale_factor, as in F.interpolate"),
    (lambda m, x: m[1](m[0](torch.mean(x, axes=1)).flatten(1)), "write dim=1 for axes=1"),
    (lambda m, x: m[1](torch.cat(m[0](x)[:, :2], m[0](x)[:, 2:]).flatten(1)), "write torch.cat([m[0](x)[:, :2], m["),
    (lambda m, x: m[1](torch.cat(m[0](x)[:, :2], m[0](x)[:, 2:], 1).flatten(1)), "m[0](x)[:, 2:]], 1) for torch.cat"),
    (lambda m, x: m[1](m[0](x).view(x.size, -1)), "write m[0](x).view(x.size(0), -1) for m[0](x).view(x.size, -1)"),
    (lambda m, x: m[1](m[0](x).view(x.shape(0), -1)), "write x.shape[0] for x.shape(0)"),
    (lambda m, x: m[1](m[0](x).view(-1, 32 / 2)), "write 32 // 2 for 32 / 2: / gives a number with a fraction"),
    (lambda m, x: m[1](m[0](x).permute(0, 2, 1).flatten(1)), "write m[0](x).flatten(2).permute(0, 2, 1) for m[0](x)"),
    (lambda m, x: m[1](m[0](x).transpose(1, 3).view(len(x), -1)), "write m[0](x).transpose(1, 3).reshape(len(x), -1"),
    (lambda m, x: m[1](m[0](x.cuda()).flatten(1)), "leave out .cuda(...): the whole network and the images are moved"),
    (lambda m, x: m[1]((m[0](x) + torch.ones(1, device="cuda")).flatten(1)), 'write device=x.device for device="cuda"'),
    (lambda m, x: m[1](m[0](x).max_pool2d(1).flatten(1)), "write F.max_pool2d(m[0](x), 1) for m[0](x).max_pool2d(1)"),
    (lambda m, x: m[1](m[0](x).flaten(1)), "write m[0](x).flatten(1) for m[0](x).flaten(1)"),
    (lambda m, x: m[1](m[0](x).flatten(1).relu), "write m[0](x).flatten(1).relu() for m[0](x).flatten(1).relu"),
    (lambda m, x: m[1](torch.flatten(m[0](x)), 1), "write m[1](torch.flatten(m[0](x), 1)) for m[1](torch.flatten(m["),
    (lambda m, x: m[1](m[0](x, 3).flatten(1)), "write m[0](x) for m[0](x, 3)"),
    (
        lambda m, x: m[1](torch.tensor(list(m[0](x).flatten(1)))),
        "write torch.stack(list(m[0](x).flatten(1))) for t",
    ),
    (
        lambda m, x: m[1](torch.bmm(x[:, 0, :, :2], x[:, 0, :, 2:]).flatten(1)),
        "x[:, 0, :, 2:].transpose(1, 2)) for",
    ),
    (lambda m, x: m[1](F.Relu(m[0](x)).flatten(1)), "write F.relu for F.Relu"),
]


@pytest.mark.parametrize(("forward", "remedy"), FORWARDS, ids=[remedy[:20] for _, remedy in FORWARDS])
@pytest.mark.skipif(real.cuda.is_available(), reason="some are errors only without a GPU")
def test_a_call_in_forward(forward: Callable[[Any, Any], Any], remedy: str) -> None:
    model = LambdaNetwork(forward, nn.Conv2d(1, 4, 3), nn.Linear(16, 10))
    diagnosis = found(model)
    assert diagnosis.kind == "error"
    assert remedy in diagnosis.remedies[0]
    assert diagnosis.place is not None
    assert diagnosis.place[0].startswith("tests/unit/anatomy/diagnostics/test_call_slips.py, line ")


def test_unpacking_a_shape() -> None:
    def forward(m: Any, x: Any) -> Any:
        n, c, h = x.shape
        return m[0](x.reshape(n, c * h, -1)[:, 0].repeat(1, 4))

    diagnosis = found(LambdaNetwork(forward, nn.Linear(16, 10)))
    assert diagnosis.remedies == ("write n, c, h, w = x.shape for n, c, h = x.shape",)


def test_layers_that_are_called_in_another_way() -> None:
    layers = nn.MultiheadAttention(4, 2), nn.Linear(16, 10)
    attention = LambdaNetwork(lambda m, x: m[1](m[0](x[:, 0])[0].flatten(1)), *layers)
    assert found(attention).remedies == ("write m[0](x[:, 0], x[:, 0], x[:, 0]) for m[0](x[:, 0])",)
    added = LambdaNetwork(lambda m, x: m[1]((x[:, 0] + m[0](x[:, 0])).flatten(1)), *layers)
    assert found(added).remedies[0].startswith("write m[0](x[:, 0], x[:, 0], x[:, 0])[0] for m[0](x[:, 0]): it")
    lstm = LambdaNetwork(lambda m, x: m[1](m[0](x)[0][:, -1]), nn.LSTM(4, 6, batch_first=True), nn.Linear(6, 10))
    assert found(lstm).remedies == ("write m[0](x.squeeze(1)) for m[0](x)",)
