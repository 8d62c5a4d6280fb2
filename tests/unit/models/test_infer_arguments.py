import functools
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import Tensor, nn

from convboard.anatomy.check import check_fit
from convboard.errors import ModelError
from convboard.models import ConvDemo, LeNet, build

SHAPE = (3, 20, 20)


class Asks(nn.Sequential):
    """Asks for everything that the data knows."""

    def __init__(
        self, hidden: int, in_channels: int, num_classes: int, image_size: int | tuple[int, int], in_features: int = 1
    ) -> None:
        self.arguments = (hidden, in_channels, num_classes, image_size, in_features)
        super().__init__(
            nn.Conv2d(in_channels, hidden, 5),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(in_features, 8),
            nn.Dropout(),
            nn.Linear(8, num_classes),
        )


class AsksNothing(nn.Module):
    """Functional, with lazy layers, as written by somebody who has never heard of convboard."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.LazyConv2d(4, 3)
        self.bn = nn.LazyBatchNorm2d()
        self.fc = nn.LazyLinear(10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.bn(self.conv(x))), 2)
        out: Tensor = self.fc(F.dropout(x.flatten(1), training=self.training))
        return out


class NeedsAFunction(nn.Sequential):
    """A class like torchvision's ResNet, one of whose arguments cannot be written in a config."""

    def __init__(self, block: type[nn.Module], num_classes: int = 5) -> None:
        super().__init__(nn.Flatten(), block(), nn.Linear(num_classes, num_classes))


def small(**arguments: Any) -> NeedsAFunction:
    return NeedsAFunction(nn.ReLU, **arguments)


def test_functions_that_build_a_class_are_named() -> None:
    with pytest.raises(ModelError) as raised:
        build(NeedsAFunction, SHAPE, 10)
    assert str(raised.value) == (
        f"NeedsAFunction needs the argument 'block'. These functions give it: {__name__}.small."
    )
    assert raised.value.arguments == (f"_target_={__name__}.small", "num_classes=10")


def test_what_the_data_knows_is_filled_in() -> None:
    model = build(Asks, SHAPE, 10, hidden=4)
    assert model.arguments == (4, 3, 10, 20, 4 * 8 * 8)
    check_fit(model, SHAPE, 10)


def test_none_is_as_good_as_left_out() -> None:
    model = build(Asks, SHAPE, 10, hidden=4, in_channels=None, image_size=None, in_features=None)
    assert model.arguments == (4, 3, 10, 20, 256)


def test_what_is_given_stays() -> None:
    model = build(Asks, SHAPE, 10, hidden=4, in_channels=1, num_classes=7, image_size=9, in_features=5)
    assert model.arguments == (4, 1, 7, 9, 5)


def test_rectangular_images() -> None:
    model = build(Asks, (1, 12, 20), 10, hidden=2)
    assert model.arguments == (2, 1, 10, (12, 20), 2 * 4 * 8)


def test_a_constructor_that_asks_nothing_gets_nothing() -> None:
    model = build(lambda: nn.Sequential(nn.Flatten(), nn.Linear(1200, 10)), SHAPE, 10)
    check_fit(model, SHAPE, 10)
    model = build(lambda: nn.Sequential(nn.Flatten(), nn.Linear(1200, 10)), SHAPE, 10, in_channels=None)
    check_fit(model, SHAPE, 10)


def test_partial() -> None:
    model = build(functools.partial(Asks, hidden=2), SHAPE, 10)
    assert isinstance(model, Asks)
    assert model.arguments[:2] == (2, 3)


def test_constructor_that_takes_anything_is_given_what_it_names() -> None:
    def anything(num_classes: int, **others: Any) -> nn.Module:
        assert others == {"depth": 3}
        return nn.Sequential(nn.Flatten(), nn.Linear(1200, num_classes))

    assert build(anything, SHAPE, 10, depth=3)


def test_lazy_layers_get_their_shape_and_nothing_else_changes() -> None:
    model = build(AsksNothing, SHAPE, 10)
    assert isinstance(model, AsksNothing)
    assert model.training
    assert (model.conv.in_channels, model.bn.num_features, model.fc.in_features) == (3, 4, 4 * 9 * 9)
    assert model.bn.num_batches_tracked == 0
    assert not model.bn.state_dict()["running_mean"].any()
    check_fit(model, SHAPE, 10)


def test_lazy_layers_draw_the_weights_they_draw_without_us() -> None:
    torch.manual_seed(0)
    comm = build(AsksNothing, SHAPE, 10)
    torch.manual_seed(0)
    theirs = AsksNothing().eval()
    theirs(torch.zeros(1, *SHAPE))
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(tensor, comm.state_dict()[name])


def test_images_too_small_for_a_lazy_network() -> None:
    with pytest.raises(ModelError, match="Conv2d conv has a window of 3x3 but gets only 2x2"):
        build(AsksNothing, (3, 2, 2), 10)


def test_the_dry_run_draws_no_random_number() -> None:
    torch.manual_seed(0)
    found = build(Asks, SHAPE, 10, hidden=4)
    torch.manual_seed(0)
    given = Asks(4, 3, 10, 20, in_features=256)
    for comm, theirs in zip(found.parameters(), given.parameters(), strict=True):
        assert torch.equal(comm, theirs)


def test_in_features_of_a_batch_norm_and_of_a_lazy_network() -> None:
    def normalised(in_features: int) -> nn.Module:
        return nn.Sequential(nn.LazyConv2d(2, 5), nn.Flatten(), nn.BatchNorm1d(in_features), nn.Linear(in_features, 10))

    check_fit(build(normalised, SHAPE, 10), SHAPE, 10)


def test_in_features_that_no_layer_takes() -> None:
    def odd(in_features: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(2 * in_features, 10))

    with pytest.raises(ModelError, match=r"in_features of odd cannot be inferred"):
        build(odd, SHAPE, 10)


def test_images_too_small_for_the_network_whose_in_features_are_sought() -> None:
    with pytest.raises(ModelError, match="0 has a window of 5x5 but gets only 3x3"):
        build(Asks, (3, 3, 3), 10, hidden=4)


def test_unknown_argument() -> None:
    with pytest.raises(ModelError, match=r"Asks has no argument 'hiden'\. Did you mean 'hidden'\? Allowed: "):
        build(Asks, SHAPE, 10, hiden=3)
    with pytest.raises(ModelError, match=r"AsksNothing has no argument 'hidden'\. It takes none\."):
        build(AsksNothing, SHAPE, 10, hidden=3)


def test_missing_argument() -> None:
    with pytest.raises(ModelError, match=r"Asks needs the argument 'hidden'\.$"):
        build(Asks, SHAPE, 10)

    def several(n_classes: int, hidden: int) -> nn.Module:
        return nn.Linear(hidden, n_classes)

    expected = r"several needs the arguments 'n_classes' and 'hidden'\. Called num_classes instead of n_classes, it is"
    with pytest.raises(ModelError, match=expected) as raised:
        build(several, SHAPE, 10)
    assert raised.value.arguments == ("n_classes=10", "hidden")


def test_result_must_be_a_network() -> None:
    def no_network() -> Any:
        return {"a": 1}

    with pytest.raises(ModelError, match=r"no_network gives a value of type dict, not a torch\.nn\.Module"):
        build(no_network, SHAPE, 10)


def test_a_function_that_returns_a_class_is_told_to_call_it() -> None:
    def a_class() -> Any:
        return nn.Sequential

    with pytest.raises(ModelError, match=r"a_class gives a value of type type, .* return Sequential\(\.\.\.\)\.$"):
        build(a_class, SHAPE, 10)


def test_error_of_the_constructor_names_its_line() -> None:
    def broken() -> nn.Module:
        raise KeyError("mine")

    with pytest.raises(ModelError, match=r"^broken cannot be built\.\n\n.*arguments\.py, line \d+, in broken"):
        build(broken, SHAPE, 10)


def test_shape_with_a_batch() -> None:
    with pytest.raises(ModelError, match="without the batch"):
        build(Asks, (1, 3, 28, 28), 10, hidden=2)


def test_arguments_that_a_constructor_only_passes_on() -> None:
    def passes_on(**kwargs: Any) -> nn.Module:
        return Asks(**kwargs)

    arguments = {"hidden": 2, "in_channels": 3, "num_classes": 10, "image_size": 20, "in_features": 128}
    assert isinstance(build(passes_on, SHAPE, 10, **arguments), Asks)
    with pytest.raises(ModelError, match=r"^passes_on has no argument 'hiden': .*unexpected keyword argument 'hiden'"):
        build(passes_on, SHAPE, 10, **arguments, hiden=3)


def test_the_same_error_of_the_constructor_s_own_names_its_line() -> None:
    def broken(**kwargs: Any) -> nn.Module:
        return nn.Linear(1, 1, widht=kwargs["width"])  # type: ignore[call-arg]

    with pytest.raises(ModelError, match=r"widht=kwargs(.|\n)*unexpected\s+keyword\s+argument\s+'widht'"):
        build(broken, SHAPE, 10, width=3)


def test_what_takes_no_names_is_no_network() -> None:
    with pytest.raises(ModelError, match=r"^sqrt cannot be used: its argument 'x' is positional-only\.$"):
        build(math.sqrt, SHAPE, 10)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("network", "arguments", "message"),
    [
        (
            LeNet,
            {"num_classes": -3},
            "LeNet cannot be built with num_classes=-3: it must be a whole number, 1 or more.",
        ),
        (
            LeNet,
            {"num_classes": "abc"},
            "LeNet cannot be built with num_classes='abc': it must be a whole number, 1 or ",
        ),
        (
            LeNet,
            {"in_channels": 1.0},
            "LeNet cannot be built with in_channels=1.0: it must be a whole number, 1 or more.",
        ),
        (LeNet, {"in_channels": True}, "LeNet cannot be built with in_channels=True: it must be a whole number, 1 or "),
        (ConvDemo, {"num_classes": 0}, "ConvDemo cannot be built with num_classes=0: it must be a whole number, 1 or "),
        (ConvDemo, {"relu": "no"}, "ConvDemo cannot be built with relu='no': it must be true or false."),
    ],
)
def test_a_value_that_convboard_s_own_networks_cannot_have(
    network: type[nn.Module], arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError) as caught:
        build(network, (1, 32, 32), 10, **arguments)
    assert str(caught.value).startswith(message)


def test_in_features_of_functional_style_and_of_a_view() -> None:
    class Functional(nn.Module):
        def __init__(self, in_features: int, num_classes: int) -> None:
            super().__init__()
            self.in_features = in_features
            self.weight = nn.Parameter(torch.zeros(num_classes, in_features))

        def forward(self, x: Tensor) -> Tensor:
            return self.rows(x) @ self.weight.T

        def rows(self, x: Tensor) -> Tensor:
            return x.view(-1, self.in_features)

    class Linear(Functional):
        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.linear(x.flatten(1), self.weight)

    for factory in (Functional, Linear):
        check_fit(build(factory, SHAPE, 10), SHAPE, 10)
