"""The modules behind the Layers tab, by themselves in a browser: their arithmetic is torch's."""

import random
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, Page
from torch import Tensor, nn

from convboard.anatomy.summary import network_record
from convboard.plugins.layers.backend import LayersPlugin

MODULE = LayersPlugin(SimpleNamespace(data_provider=None)).frontend_metadata().es_module_path
STATIC = f"/data/plugin/layers{MODULE}".removesuffix("/index.js")
SHAPE = (4, 9, 8)
UNITS = """async ({ address, network, data, weight, shape, bias }) => {
  const { multiplyAndAdd, pool, poolingOf } = await import(`${address}/units.js`);
  const { readRecord } = await import(`${address}/record.js`);
  const row = readRecord(network).last;
  const [channels, height, width] = row.input_shape;
  const maps = { data: Float32Array.from(data), channels, height, width, offset: 0 };
  const array = (numbers) => numbers && { data: Float32Array.from(numbers) };
  const kernels = { weight: { ...array(weight), shape }, bias: array(bias) };
  if (!weight && !poolingOf(row)) return null;
  const valueOf = (unit) => (weight ? multiplyAndAdd(row, maps, kernels, unit) : pool(row, maps, unit)).value;
  const each = (count, of) => Array.from({ length: count }, (_, i) => of(i));
  const [outputs, rows, columns] = row.output_shape;
  return each(outputs, (channel) => each(rows, (row) => each(columns, (column) => valueOf({ channel, row, column }))));
}"""
PLAY = """async (address) => {
  const { createPlayer } = await import(`${address}/player.js`);
  const state = { steps: [0, 1, 2, 3], shownStep: 0, record: {} };
  const store = { get: () => state, set: (patch) => Object.assign(state, patch) };
  const answers = []; // of fetches that go on
  const refreshScene = () => new Promise((resolve) => answers.push(resolve));
  const moveStep = (by) => (state.shownStep += by);
  const fetches = async (count) => {
    while (answers.length < count) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const toggle = createPlayer(store, { refreshScene, chooseStepAt: () => null, moveStep });
  toggle();
  await fetches(1);
  toggle();
  toggle();
  answers[0]();
  await fetches(2);
  const meanwhile = state.shownStep;
  answers[1]();
  await fetches(3);
  return [meanwhile, state.shownStep, answers.length, state.playing];
}"""


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory, start_tensorboard: Any) -> Iterator[Page]:
    """A page of a server without any run: its modules are enough."""
    with start_tensorboard(tmp_path_factory.mktemp("empty")) as server:
        page = browser.new_page()
        page.goto(f"{server.address}/data/plugin/layers/runs")
        yield page
        page.close()


def units(page: Page, layer: nn.Module, image: Tensor) -> Tensor | None:
    """What the page works out for all units of the one layer of a network; None where it does not."""
    network = network_record(nn.Sequential(layer), SHAPE)
    given: dict[str, Any] = {"address": STATIC, "network": network, "data": image.flatten().tolist()}
    if isinstance(layer, nn.Conv2d):
        given |= {"weight": layer.weight.flatten().tolist(), "shape": list(layer.weight.shape)}
        given |= {"bias": None if layer.bias is None else layer.bias.tolist()}
    found = page.evaluate(UNITS, given)
    return None if found is None else torch.tensor(found)


def convolution(seed: int) -> nn.Conv2d:
    """Any that fits; every third is padded to keep its size, which with an even kernel is uneven."""
    pick = random.Random(seed)
    size = (pick.randint(1, 4), pick.randint(1, 4))
    groups = pick.choice([1, 2, 4])
    dilation = (pick.randint(1, 2), pick.randint(1, 2))
    bias = pick.random() < 0.5
    if seed % 3 == 0:
        return nn.Conv2d(4, 8, size, padding="same", dilation=dilation, groups=groups, bias=bias)
    stride, padding = ((pick.randint(1, 3), pick.randint(1, 3)), (pick.randint(0, 3), pick.randint(0, 3)))
    return nn.Conv2d(4, 8, size, stride, padding, dilation, groups, bias)


POOLINGS = [
    nn.MaxPool2d(2),
    nn.MaxPool2d((3, 2), stride=(2, 1), padding=1),
    nn.MaxPool2d(3, stride=2, padding=1, dilation=2),
    nn.MaxPool2d(3, stride=2, ceil_mode=True),
    nn.MaxPool2d(4, stride=3, padding=2, ceil_mode=True),
    nn.AvgPool2d(2),
    nn.AvgPool2d((3, 2), stride=(3, 1), ceil_mode=True),
    nn.AvgPool2d(3, padding=1),
    nn.AvgPool2d((3, 2), stride=2, padding=(1, 0), count_include_pad=False),
    nn.AvgPool2d(3, stride=2, ceil_mode=True),
    nn.AvgPool2d(4, stride=3, padding=2, ceil_mode=True),
    nn.AvgPool2d(4, stride=3, padding=1, ceil_mode=True, count_include_pad=False),
    nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True, divisor_override=5),
    nn.AdaptiveAvgPool2d((4, 3)),
    nn.AdaptiveAvgPool2d(1),
    nn.AdaptiveMaxPool2d((4, 3)),
]


@pytest.mark.parametrize("layer", [*map(convolution, range(24)), *POOLINGS], ids=str)
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@torch.no_grad()
def test_each_unit_has_torchs_value(page: Page, layer: nn.Module) -> None:
    torch.manual_seed(1)
    image = torch.randn(SHAPE) - 2  # mostly below zero, where padding is not the largest
    found = units(page, layer, image)
    assert found is not None
    torch.testing.assert_close(found, layer(image.unsqueeze(0))[0], rtol=1e-5, atol=1e-5)


def test_a_pooling_of_another_arithmetic_is_not_worked_out(page: Page) -> None:
    assert units(page, nn.LPPool2d(2, 2), torch.zeros(SHAPE)) is None


def test_one_that_is_paused_and_played_during_a_fetch_plays_once(page: Page) -> None:
    assert page.evaluate(PLAY, STATIC) == [0, 1, 3, True]
