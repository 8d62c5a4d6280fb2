import pytest
import torch
from torch import Tensor

from convboard.anatomy.activations import layer_activations
from convboard.anatomy.outputs import layer_outputs
from convboard.errors import ModelError
from convboard.models import WhitenedCNN, build_model
from convboard.models.whitened_cnn import WhitenedBlock


@pytest.fixture
def images() -> Tensor:
    """Smooth noise: neighbouring pixels are alike, as in photographs."""
    noise = torch.randn(200, 3, 36, 36, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.avg_pool2d(noise, 5, stride=1)


def test_shapes_and_size(images: Tensor) -> None:
    model = build_model("whitened_cnn", (3, 32, 32), 10)
    outputs = layer_outputs(model, images[:1])
    names = ["whiten", "blocks.0.conv1", "blocks.0.pool", "blocks.0.conv2", "blocks.1.pool", "blocks.1.conv2"]
    assert [list(outputs[name].shape[1:]) for name in [*names, "pool", "fc"]] == [
        [48, 16, 16],
        [64, 16, 16],
        [64, 8, 8],
        [64, 8, 8],
        [128, 4, 4],
        [128, 4, 4],
        [128, 1, 1],
        [10],
    ]
    convolutions = 48 * 3 * 16 + 9 * (48 * 64 + 64 * 64 + 64 * 128 + 128 * 128)
    assert sum(parameter.numel() for parameter in model.parameters()) == convolutions + 4 * (64 + 128) + 128 * 10


def test_whitened_patches_are_uncorrelated_and_vary_alike(images: Tensor) -> None:
    model = WhitenedCNN(components=10)
    model.initialise_from(images)
    model.whiten.padding = (0, 0)
    seen = model.whiten(images).detach()
    half = seen[:, :10].movedim(1, 0).flatten(1)
    correlations = torch.corrcoef(half)
    assert (correlations - torch.eye(10)).abs().max() < 0.05
    torch.testing.assert_close(half.square().mean(1), torch.ones(10), atol=0.1, rtol=0)
    assert seen[:, 10:].equal(-seen[:, :10])


def test_looking_twice_gives_the_same_kernels(images: Tensor) -> None:
    one, other = WhitenedCNN(), WhitenedCNN()
    one.initialise_from(images)
    other.initialise_from(images)
    assert one.whiten.weight.equal(other.whiten.weight)


def test_grey_images_have_fewer_components() -> None:
    model = WhitenedCNN(in_channels=1)
    model.initialise_from(torch.rand(20, 1, 28, 28))
    assert list(model.whiten.weight.shape) == [32, 1, 4, 4]
    assert list(model(torch.rand(2, 1, 28, 28)).shape) == [2, 10]


def test_what_is_trained(images: Tensor) -> None:
    model = WhitenedCNN(widths=[8])
    model(images[:4]).sum().backward()
    trained = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert trained == {
        *(f"blocks.0.{name}" for name in ("conv1.weight", "norm1.bias", "conv2.weight", "norm2.bias")),
        "fc.weight",
    }


def test_convolutions_begin_by_handing_on_what_they_get(images: Tensor) -> None:
    model = WhitenedCNN(widths=[64])
    x = model.act(model.whiten(images[:2]))
    block = model.blocks[0]
    assert isinstance(block, WhitenedBlock)
    torch.testing.assert_close(block.conv1(x)[:, :48], x)
    features = torch.rand(2, 64, 8, 8)
    assert block.conv2(features).equal(features)


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_activations(activation: str, images: Tensor) -> None:
    model = WhitenedCNN(widths=[8], activation=activation)
    found = [answer.activation for answer in layer_activations(model, images[:2]).values()]
    assert found == [activation] * 3 + [None]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"widths": []}, r"^widths=\[\]: must be a list of whole numbers, 1 or more, as in \[64,128\]\.$"),
        ({"widths": [64, 0]}, r"^widths=\[64, 0\]: must be"),
        ({"widths": 64}, r"^widths=64: must be"),
        ({"components": 0}, r"^WhitenedCNN cannot be built with components=0: it must be a whole number, 1 or more\.$"),
        ({"patch_size": None}, r"patch_size=None: it must be a whole number, 1 or more\.$"),
        ({"patch_stride": 1.5}, r"patch_stride=1\.5: it must be a whole number, 1 or more\.$"),
        ({"activation": {"a": 1}}, r"^WhitenedCNN cannot be built with activation=\{'a': 1\}: it must be a text\.$"),
        ({"activation": "tanh"}, r"^activation='tanh' is not known\. Allowed: relu, gelu\.$"),
    ],
)
def test_mistakes(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build_model("whitened_cnn", (3, 32, 32), 10, **arguments)


def test_patches_larger_than_the_images_are_refused() -> None:
    model = WhitenedCNN(in_channels=1, patch_size=8, patch_stride=1)
    message = r"^patch_size=8: must be at most 7, the shorter side of the images\.$"
    with pytest.raises(ModelError, match=message):
        model.initialise_from(torch.rand(2, 1, 7, 9))
