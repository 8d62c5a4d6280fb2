import pytest
import torch
from torch import Tensor, nn

from convboard.anatomy.outputs import layer_outputs
from convboard.anatomy.summary import layer_table
from convboard.errors import ModelError
from convboard.models import LeNet


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.conv(x))
        out: Tensor = self.relu(self.conv(x))
        return out


@pytest.fixture
def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(Block(), Block(), nn.Flatten(), nn.Dropout(), nn.Linear(48, 2))


IMAGES = torch.linspace(-1, 1, 2 * 3 * 4 * 4).reshape(2, 3, 4, 4)


def test_every_layer_in_the_order_of_the_calls(model: nn.Module) -> None:
    outputs = layer_outputs(model, IMAGES)
    assert list(outputs)[:4] == ["0.conv", "0.relu", "0.conv:2", "0.relu:2"]
    assert list(outputs)[-3:] == ["2", "3", "4"]
    assert torch.equal(outputs["4"], model.eval()(IMAGES))


def test_in_place_activation_does_not_change_what_was_kept(model: nn.Module) -> None:
    outputs = layer_outputs(model, IMAGES)
    assert outputs["0.conv"].min() < 0
    assert torch.equal(outputs["0.conv"].relu(), outputs["0.relu"])


@pytest.mark.parametrize(
    ("layers", "names"),
    [
        ("*conv", ["0.conv", "0.conv:2", "1.conv", "1.conv:2"]),
        ("1.*", ["1.conv", "1.relu", "1.conv:2", "1.relu:2"]),
        ("4", ["4"]),
        (["4", "0.relu"], ["0.relu", "0.relu:2", "4"]),
        ("0", ["0"]),
        ("?", ["2", "3", "4"]),
    ],
)
def test_layers_by_glob(model: nn.Module, layers: str | list[str], names: list[str]) -> None:
    assert list(layer_outputs(model, IMAGES, layers)) == names


def test_a_block_gives_what_it_returns(model: nn.Module) -> None:
    assert torch.equal(layer_outputs(model, IMAGES, "0")["0"], layer_outputs(model, IMAGES)["0.relu:2"])


def test_unknown_layer_offers_the_nearest(model: nn.Module) -> None:
    with pytest.raises(ModelError, match=r"No layer is called '0\.conf'\. Did you mean '0\.conv'\?"):
        layer_outputs(model, IMAGES, "0.conf")


def test_first_tensor_of_a_layer_that_returns_several() -> None:
    class Split(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x[:, :1], x[:, 1:]

    assert layer_outputs(Split(), IMAGES)["Split"].shape == (2, 1, 4, 4)


def test_images_that_do_not_fit_are_explained() -> None:
    model = LeNet()
    with pytest.raises(ModelError, match=r"Conv2d conv1 wants 1 channel but gets 3"):
        layer_outputs(model, torch.zeros(1, 3, 32, 32))
    with pytest.raises(ModelError, match=r"Linear fc1 wants 16·5·5 = 400 features but gets 16·4·4 = 256"):
        layer_outputs(model, torch.zeros(1, 1, 28, 28))


def test_the_images_of_the_caller_are_never_changed() -> None:
    """By an in-place function that comes first."""
    images = IMAGES.clone()
    outputs = layer_outputs(nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 1, 1)), images)
    assert torch.equal(images, IMAGES)
    assert torch.equal(outputs["0"], IMAGES.relu())


def test_a_forward_that_wants_more_than_images_is_explained() -> None:
    class TakesLabels(nn.Sequential):
        def forward(self, x: Tensor, labels: Tensor) -> Tensor:  # type: ignore[override]
            return x

    with pytest.raises(ModelError, match=r"TakesLabels takes 2 inputs, .* Give the tensor of each: \(x, labels\)"):
        layer_outputs(TakesLabels(nn.ReLU()), torch.zeros(1, 1, 4, 4))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 2, stride=2)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.conv(x).flatten(2).transpose(1, 2)
        out: Tensor = self.attention(tokens, tokens, tokens)[0]
        return out


def test_a_layer_with_children_is_a_layer() -> None:
    outputs = layer_outputs(Attention(), IMAGES)
    shapes = [(name, tuple(output.shape)) for name, output in outputs.items()]
    assert shapes == [("conv", (2, 4, 2, 2)), ("attention", (2, 4, 4))]


def test_the_parametrizations_of_weights_are_no_layers() -> None:
    from torch.nn.utils.parametrizations import weight_norm

    model = nn.Sequential(weight_norm(nn.Conv2d(3, 1, 1)), nn.ReLU())
    assert list(layer_outputs(model, IMAGES)) == ["0", "1"]


@pytest.mark.filterwarnings("ignore:.*deprecated:UserWarning")  # quantised tensors are, and users have them
def test_a_quantised_linear_is_a_layer() -> None:
    from torch.ao.nn.quantized.dynamic import Linear

    model = nn.Sequential(nn.Flatten(), Linear(48, 5))  # type: ignore[no-untyped-call]
    assert layer_outputs(model, IMAGES)["1"].shape == (2, 5)
    assert [(row.name, row.type, row.macs) for row in layer_table(model, (3, 4, 4))][1] == ("1", "Linear", 48 * 5)
