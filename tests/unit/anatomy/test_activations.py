import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import Tensor, nn

from convboard.anatomy.activations import layer_activations

IMAGES = torch.linspace(-2, 2, 2 * 1 * 8 * 8).reshape(2, 1, 8, 8)


class Functional(nn.Module):
    """As PyTorch's own MNIST example is written: ReLU after the pooling, all of it functional."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3)
        self.conv2 = nn.Conv2d(4, 4, 3)
        self.bn2 = nn.BatchNorm2d(4)
        self.fc1 = nn.Linear(4, 6)
        self.fc2 = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.max_pool2d(self.conv1(x), 2, stride=1))
        x = F.gelu(self.bn2(self.conv2(x)))
        x = torch.flatten(F.max_pool2d(x, 2), 1)
        x = torch.tanh(self.fc1(x))
        return F.log_softmax(self.fc2(x), dim=1)


def test_functional_activations() -> None:
    found = layer_activations(Functional(), IMAGES)
    assert [(name, answer.activation) for name, answer in found.items()] == [
        ("conv1", "relu"),
        ("conv2", "gelu"),
        ("fc1", "tanh"),
        ("fc2", None),
    ]
    conv1 = found["conv1"]
    assert conv1.activated is not None
    assert torch.equal(conv1.activated, F.relu(F.max_pool2d(conv1.output, 2, stride=1)))


@pytest.mark.parametrize("inplace", [False, True])
def test_modules_with_batch_norm_between(inplace: bool) -> None:
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(inplace=inplace), nn.Flatten())
    answer = layer_activations(model, IMAGES)["0"]
    model.eval()
    assert answer.activation == "relu"
    assert torch.equal(answer.output, model[0](IMAGES))
    assert answer.activated is not None
    assert torch.equal(answer.activated, model[:3](IMAGES))


@pytest.mark.parametrize(
    ("activation", "name"),
    [
        (nn.ReLU(), "relu"),
        (nn.ReLU(inplace=True), "relu"),
        (nn.ReLU6(), "hardtanh"),
        (nn.LeakyReLU(), "leaky_relu"),
        (nn.LeakyReLU(inplace=True), "leaky_relu"),
        (nn.PReLU(), "prelu"),
        (nn.ELU(), "elu"),
        (nn.GELU(), "gelu"),
        (nn.SiLU(), "silu"),
        (nn.SiLU(inplace=True), "silu"),
        (nn.Hardswish(), "hardswish"),
        (nn.Mish(), "mish"),
        (nn.Sigmoid(), "sigmoid"),
        (nn.Tanh(), "tanh"),
        (nn.Softplus(), "softplus"),
    ],
)
def test_activation_modules(activation: nn.Module, name: str) -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), activation)
    answer = layer_activations(model, IMAGES)["0"]
    assert answer.activation == name
    assert torch.equal(answer.output, model[0](IMAGES))
    assert answer.activated is not None
    assert torch.equal(answer.activated, model(IMAGES))


class Residual(nn.Module):
    def __init__(self, in_place: bool) -> None:
        super().__init__()
        self.in_place = in_place
        self.conv1 = nn.Conv2d(1, 1, 3, padding=1)
        self.conv2 = nn.Conv2d(1, 1, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.conv1(x).relu_()))
        if self.in_place:
            y += x
        else:
            y = x + y
        return F.relu(y, inplace=self.in_place)


@pytest.mark.parametrize("in_place", [False, True])
def test_relu_after_a_residual_addition_is_nobodys(in_place: bool) -> None:
    found = layer_activations(Residual(in_place), IMAGES)
    assert found["conv1"].activation == "relu"
    assert found["conv2"].activation is None
    assert found["conv2"].activated is None


def test_output_is_kept_as_it_was_before_an_in_place_addition() -> None:
    class Adds(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self[0](x)
            y.add_(100)
            return y.relu()

    model = Adds(nn.Conv2d(1, 1, 1))
    answer = layer_activations(model, IMAGES)["0"]
    assert torch.equal(answer.output, model[0](IMAGES))
    assert answer.activation is None


def test_shared_layer_answers_once_a_call() -> None:
    conv = nn.Conv2d(1, 1, 3)
    found = layer_activations(nn.Sequential(conv, nn.ReLU(), conv), IMAGES)
    assert [(name, answer.activation) for name, answer in found.items()] == [("0", "relu"), ("0:2", None)]
    assert found["0:2"].output.shape == (2, 1, 4, 4)


def test_first_activation_of_two_branches() -> None:
    class Branches(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            y = self[0](x)
            return torch.cat([torch.relu(y), torch.sigmoid(y)])

    assert layer_activations(Branches(nn.Conv2d(1, 1, 3)), IMAGES)["0"].activation == "relu"


def test_activation_of_several_layers_together_is_nobodys() -> None:
    class Concatenates(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([self[0](x), self[1](x)], dim=1).relu()

    found = layer_activations(Concatenates(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3)), IMAGES)
    assert [answer.activation for answer in found.values()] == [None, None]


def test_inputs_are_kept_where_they_are_asked_for() -> None:
    class Spoils(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self[0](input=x)
            z: Tensor = self[1](y)
            y.zero_()
            return z

    model = Spoils(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 1, 3), nn.ReLU())
    found = layer_activations(model, IMAGES, keep_inputs=True)
    assert found["0"].input is not None
    assert found["1"].input is not None
    assert torch.equal(found["0"].input, IMAGES)
    assert torch.equal(found["1"].input, found["0"].output)
    assert [answer.input for answer in layer_activations(model, IMAGES).values()] == [None, None]


def test_inputs_are_kept_beside_the_activation() -> None:
    found = layer_activations(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), IMAGES, keep_inputs=True)
    assert found["0"].activation == "relu"
    assert found["0"].input is not None


def test_the_images_of_the_caller_are_never_changed() -> None:
    images = IMAGES.clone()
    layer_activations(nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(1, 1, 1)), images)
    assert torch.equal(images, IMAGES)
