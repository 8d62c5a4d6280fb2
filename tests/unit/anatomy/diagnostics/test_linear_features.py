"""Rules for features and batches; a remedy that is suggested must work."""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import Tensor, nn

from convboard.anatomy.check import check_fit
from convboard.anatomy.diagnostics.diagnosis import Diagnosis
from diagnosed_networks import LambdaNetwork, diagnosed

GREY = (1, 28, 28)


class Net(nn.Module):
    """The network of every beginner's tutorial, for 32x32 images."""

    def __init__(self, features: int = 400, padding: int = 0, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=padding)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(features, 84)
        self.fc2 = nn.Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        out: Tensor = self.fc2(F.relu(self.fc1(self.flat(x))))
        return out

    def flat(self, x: Tensor) -> Tensor:
        return torch.flatten(x, 1)


class Functional(nn.Module):
    """The same without layers."""

    def __init__(self, features: int = 400) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(16, 1, 5, 5))
        self.weight = nn.Parameter(torch.randn(10, features))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(F.max_pool2d(F.conv2d(x, self.kernel), 4).flatten(1), self.weight)


def flattening(flat: Callable[[Tensor], Tensor], features: int) -> Net:
    model = Net(features)
    model.flat = flat  # type: ignore[method-assign, assignment]
    return model


def found(model: nn.Module, shape: tuple[int, int, int] = GREY, classes: int | None = 10) -> Diagnosis:
    return diagnosed(model, shape, classes)


def test_wrong_in_features() -> None:
    diagnosis = found(Net())
    assert (diagnosis.kind, diagnosis.layer, diagnosis.wanted, diagnosis.arrived) == (
        "in_features",
        "fc1",
        "400 features",
        "256 features",
    )
    assert diagnosis.reason == (
        "Linear fc1 wants 16·5·5 = 400 features but gets 16·4·4 = 256: the input is 28x28, and conv1 (5x5, no padding) "
        "leaves 24x24, pool 12x12, conv2 (5x5, no padding) 8x8, pool:2 4x4."
    )
    assert diagnosis.remedies == (
        "build it with Net(features=256)",
        "write nn.Linear(256, 84) for fc1, or nn.LazyLinear(84), which finds the number itself",
        "set padding=2 in conv1",
        "give it images of 32x32",
    )
    check_fit(Net(features=256), GREY, 10)
    check_fit(Net(padding=2), GREY, 10)
    check_fit(Net(), (1, 32, 32), 10)


def test_an_argument_is_named_only_where_it_is_certain() -> None:
    changed = Net(features=300)  # of which nothing is left to see: the class by itself makes another network
    assert not any("features=" in cure.split(" for ")[0] and "build" in cure for cure in found(changed).remedies)


def test_no_other_way_out_is_offered_that_does_not_work() -> None:
    diagnosis = found(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(7, 10)), (1, 5, 5))
    assert diagnosis.remedies == ("write nn.Linear(36, 10) for 2, or nn.LazyLinear(10), which finds the number itself",)
    check_fit(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(36, 10)), (1, 5, 5), 10)


def test_functional_style() -> None:
    diagnosis = found(Functional())
    assert diagnosis.layer == "linear"
    assert diagnosis.reason.startswith(
        "linear with weight weight wants 16·5·5 = 400 features but gets 16·6·6 = 576: the"
    )
    assert diagnosis.remedies[:2] == (
        "build it with Functional(features=576)",
        "write a weight of 10x576 for weight",
    )
    check_fit(Functional(576), GREY, 10)


def test_nested_sequential() -> None:
    def network(features: int) -> nn.Module:
        return nn.Sequential(
            nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            nn.Sequential(nn.Flatten(), nn.Linear(features, 32), nn.ReLU(), nn.Linear(32, 10)),
        )

    diagnosis = found(network(8 * 16 * 16))
    assert diagnosis.layer == "1.1"
    assert "Linear 1.1 wants 8·16·16 = 2048 features but gets 8·14·14 = 1568" in diagnosis.reason
    assert "write nn.Linear(1568, 32) for 1.1" in diagnosis.remedies[0]
    assert diagnosis.remedies[-1] == "give it images of 32x32"
    check_fit(network(1568), GREY, 10)
    check_fit(network(2048), (1, 32, 32), 10)


def test_between_linear_layers() -> None:
    diagnosis = found(nn.Sequential(nn.Flatten(), nn.Linear(4, 5), nn.Linear(6, 10)), (1, 2, 2))
    assert diagnosis.reason == "Linear 2 wants 6 features but gets 5, which is what 1 gives."
    assert diagnosis.remedies == ("write nn.Linear(5, 10) for 2", "let 1 give as many: nn.Linear(4, 6)")


def test_after_a_residual_block_and_a_mean() -> None:
    class Block(nn.Module):
        def __init__(self, features: int) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3, padding=1)
            self.fc = nn.Linear(features, 10)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.fc(F.relu(self.conv(x) + x).mean(dim=(2, 3)))
            return out

    diagnosis = found(Block(5), (4, 6, 6))
    assert "Linear fc wants 5 features but gets 4" in diagnosis.reason
    assert "build it with Block" not in diagnosis.message
    check_fit(Block(4), (4, 6, 6), 10)


def test_view_for_another_number_of_features() -> None:
    diagnosis = found(flattening(lambda x: x.view(-1, 16 * 5 * 5), 400))
    assert diagnosis.reason.startswith(
        "view(-1, 400) wants 16·5·5 = 400 features of each image, but it has 16·4·4 = 256"
    )
    assert diagnosis.remedies[0] == "write torch.flatten(x, 1) for it and nn.Linear(256, 84) for fc1"
    assert diagnosis.remedies[-1] == "give it images of 32x32"


def test_view_with_a_batch_size_written_into_it() -> None:
    assert found(flattening(lambda x: x.view(64, -1), 256)).kind == "batch"
    diagnosis = found(flattening(lambda x: x.view(3, -1), 100))  # of a wrong number of features too
    assert diagnosis.reason == "view(3, -1) wants 3 images, but there are 2: the batch is not always as large."


def test_missing_flatten() -> None:
    diagnosis = found(flattening(lambda x: x, 256))
    assert diagnosis.reason == "Linear fc1 wants 256 features but gets pictures of 16x4x4, not flattened."
    assert diagnosis.remedies == ("put nn.Flatten() before it, or torch.flatten(x, 1)",)
    other = found(flattening(lambda x: x, 400))
    assert other.remedies[0].endswith("and give it 16·4·4 = 256 features: nn.Linear(256, 84)")


def test_missing_flatten_that_runs_through() -> None:
    diagnosis = found(flattening(lambda x: x, 4))
    assert (diagnosis.kind, diagnosis.layer) == ("flatten", "fc1")
    assert diagnosis.reason == (
        "Linear fc1 gets pictures of 16x4x4, not flattened: it takes each line of 4 pixels for an image of its own, "
        "and the network gives [N, 16, 4, 10]."
    )
    assert diagnosis.remedies[0].endswith("nn.Linear(256, 84)")


def test_flatten_from_dimension_0() -> None:
    for flat in (torch.flatten, lambda x: x.flatten(), lambda x: x.view(-1)):
        diagnosis = found(flattening(flat, 256))
        assert diagnosis.kind == "batch"
        assert "wants 256 features of each image, but" in diagnosis.reason
        assert "turns the batch of 2 images [2, 16, 4, 4] into [512]: one row of 2 images." in diagnosis.reason
        assert "torch.flatten(x, 1) or nn.Flatten()" in diagnosis.remedies[0]
        assert diagnosis.remedies[0].endswith("16·4·4 = 256 features")


def test_flatten_layer_from_dimension_0() -> None:
    diagnosis = found(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(0), nn.Linear(2704, 10)))
    assert diagnosis.reason.startswith("Linear 2 wants 2704 features of each image, but Flatten 1 turns the batch of 2")
    check_fit(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(2704, 10)), GREY, 10)


def test_flatten_from_dimension_0_that_happens_to_run() -> None:
    diagnosis = found(flattening(torch.flatten, 512))
    assert diagnosis.reason.startswith("The network gives [10], which is not a row for each image, but flatten turns")


def test_view_that_eats_the_batch() -> None:
    diagnosis = found(flattening(lambda x: x.view(-1, 128), 128))
    assert (diagnosis.kind, diagnosis.layer) == ("batch", "view")
    assert "into [4, 128]: 4 rows of 2 images." in diagnosis.reason
    assert "or x.view(x.size(0), -1)" in diagnosis.remedies[0]
    assert "256 features: write nn.Linear(256, 84) for fc1" in diagnosis.remedies[0]
    check_fit(flattening(lambda x: x.view(x.size(0), -1), 256), GREY, 10)


class Windows(nn.Module):
    """Attention's beginning as in a Swin transformer: windows of 7x7 lie in the batch, and each becomes a row."""

    def __init__(self, features: int, fold: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.embed = nn.Conv2d(1, 8, 1)
        self.fold = fold
        self.mix = nn.Linear(features, 32)
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.mix(self.fold(self.embed(x)))
        out: Tensor = self.head(rows.reshape(x.size(0), -1, 32).mean(1))
        return out


def in_windows(x: Tensor) -> Tensor:
    return x.unfold(2, 7, 7).unfold(3, 7, 7).permute(0, 2, 3, 1, 4, 5).reshape(-1, 8 * 7 * 7)


def in_tokens(x: Tensor) -> Tensor:
    return x.view(-1, 8, 4, 7, 4, 7).permute(0, 2, 4, 3, 5, 1).reshape(-1, 49, 8)


def test_windows_in_the_batch_are_no_eaten_batch() -> None:
    diagnosis = found(Windows(400, in_windows))
    assert (diagnosis.kind, diagnosis.layer) == ("in_features", "mix")
    assert diagnosis.reason == "Linear mix wants 400 features but gets 392, which is what reshape gives."
    assert "write nn.Linear(392, 32) for mix" in diagnosis.remedies
    check_fit(Windows(392, in_windows), GREY, 10)


def test_tokens_are_no_missing_flatten() -> None:
    diagnosis = found(Windows(9, in_tokens))
    assert (diagnosis.kind, diagnosis.arrived) == ("in_features", "8 features")
    assert "write nn.Linear(8, 32) for mix" in diagnosis.remedies
    check_fit(Windows(8, in_tokens), GREY, 10)
    patches = found(Windows(9, lambda x: x.flatten(2).transpose(1, 2)))
    assert (patches.kind, patches.arrived) == ("in_features", "8 features")


def test_a_batch_in_several_rows_where_a_whole_image_is_wanted() -> None:
    diagnosis = found(flattening(lambda x: x.view(-1, 128), 256))
    assert diagnosis.kind == "batch"
    assert diagnosis.reason.startswith("Linear fc1 wants 256 features of each image, but view turns")


def test_a_concatenation_along_the_batch() -> None:
    network = LambdaNetwork(lambda m, x: m[0](torch.cat([x, x]).flatten(1)), nn.Linear(784, 10))
    diagnosis = diagnosed(network, GREY, 10)
    assert diagnosis.reason.startswith("The network gives [4, 10], which is not a row for each image, but cat turns")
    assert diagnosis.remedies == ("join along the channels: torch.cat(..., dim=1), which gives 2 channels",)


def test_a_pooling_after_the_flatten() -> None:
    network = LambdaNetwork(lambda m, x: m[0](F.adaptive_avg_pool2d(x.flatten(1), 1).flatten(1)), nn.Linear(784, 10))
    assert diagnosed(network, GREY, 10).remedies[0].startswith("put adaptive_avg_pool2d before the flatten: it pools")
