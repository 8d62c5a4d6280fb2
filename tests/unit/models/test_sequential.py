from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from convboard.anatomy.check import check_fit
from convboard.errors import ModelError
from convboard.models import build_model, sequential


def conv(channels: int, **arguments: Any) -> dict[str, dict[str, Any]]:
    return {"conv": {"out_channels": channels, "kernel_size": 3, **arguments}}


EXAMPLE: list[Any] = [
    conv(8, padding=1),
    "batch_norm",
    "relu",
    {"max_pool": {"kernel_size": 2}},
    conv(16, stride=[2, 1]),
    "relu",
    {"avg_pool": {"kernel_size": 2}},
    "flatten",
    {"linear": {"out_features": 32}},
    "batch_norm",
    "relu",
    {"dropout": {"p": 0.1}},
    "linear",
]


def test_a_network_from_a_list() -> None:
    model = build_model("sequential", (1, 28, 28), 10, layers=EXAMPLE)
    assert isinstance(model, nn.Sequential)
    names = " ".join(name for name, _ in model.named_children())
    assert names == "conv1 bn1 relu1 pool1 conv2 relu2 pool2 flatten1 fc1 bn2 relu3 dropout1 fc2"
    layers = dict(model.named_children())
    assert str(layers["conv1"]) == "Conv2d(1, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))"
    assert str(layers["conv2"]) == "Conv2d(8, 16, kernel_size=(3, 3), stride=(2, 1))"
    assert str(layers["fc1"]) == f"Linear(in_features={16 * 3 * 6}, out_features=32, bias=True)"
    assert isinstance(layers["bn1"], nn.BatchNorm2d)
    assert isinstance(layers["bn2"], nn.BatchNorm1d)
    assert str(layers["dropout1"]) == "Dropout(p=0.1, inplace=False)"
    check_fit(model, (1, 28, 28), 10)


def test_same_weights_as_written_by_hand() -> None:
    torch.manual_seed(1)
    comm = sequential(["flatten", {"linear": {"out_features": 5}}, "relu", "linear"], 1, 4, 3)
    torch.manual_seed(1)
    by_hand = nn.Sequential(nn.Flatten(), nn.Linear(16, 5), nn.ReLU(), nn.Linear(5, 3))
    images = torch.randn(2, 1, 4, 4)
    assert torch.equal(comm(images), by_hand(images))


def test_last_linear_may_say_its_own_width() -> None:
    model = sequential(["flatten", {"linear": {"out_features": 5}}, "relu"], 1, 4, 3)
    assert model(torch.zeros(2, 1, 4, 4)).shape == (2, 5)


pooling = st.fixed_dictionaries({"kernel_size": st.integers(1, 3)}, optional={"stride": st.integers(1, 3)})
picture_layer = st.one_of(
    st.just("relu"),
    st.just("batch_norm"),
    st.builds(lambda a: {"max_pool": a}, pooling),
    st.builds(lambda a: {"avg_pool": a}, pooling),
    st.builds(
        lambda a: {"conv": a},
        st.fixed_dictionaries(
            {"out_channels": st.integers(1, 5), "kernel_size": st.integers(1, 5)},
            optional={
                "stride": st.integers(1, 3),
                "padding": st.integers(0, 2),
                "dilation": st.integers(1, 2),
                "bias": st.booleans(),
            },
        ),
    ),
)


@settings(max_examples=60)
@given(
    st.lists(picture_layer, max_size=6),
    st.lists(st.integers(1, 6), max_size=2),
    st.tuples(st.integers(1, 3), st.integers(4, 20), st.integers(4, 20)),
)
def test_whatever_is_built_fits_and_whatever_is_not_says_why(
    pictures: list[Any], widths: list[int], shape: tuple[int, int, int]
) -> None:
    layers = [*pictures, "flatten", *({"linear": {"out_features": width}} for width in widths), "linear"]
    before = torch.get_rng_state()
    try:
        model = build_model("sequential", shape, 4, layers=layers)
    except ModelError as error:
        if "too small for this network" not in " ".join(str(error).split()):
            raise
        return
    torch.set_rng_state(before)
    check_fit(model, shape, 4)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "layers must be a list with at least one layer"),
        (["relu", "conf"], "layers[1]: unknown layer 'conf'. Did you mean 'conv'? Allowed: avg_pool, "),
        (["max_pooling"], "layers[0]: unknown layer 'max_pooling'. Did you mean 'max_pool'? Allowed: avg_pool, "),
        ([conv(3, strid=2)], "layers[0] (conv) has no argument 'strid'. Did you mean 'stride'? Allowed: bias,"),
        ([{"conv": {"out_channels": 3}}], "layers[0] (conv) needs the argument 'kernel_size'."),
        ([conv(3, in_channels=1)], "layers[0] (conv): in_channels is inferred from the layers before."),
        ([{"flatten": {"p": 1}}], "layers[0] (flatten) has no argument 'p'. Allowed: end_dim, start_dim."),
        (["linear"], "layers[0] (linear) needs a row of features but gets 1x8x8: put flatten before it."),
        (["flatten", conv(3)], "layers[1] (conv) needs pictures but gets 64 features: move it before flatten."),
        (["flatten", {"linear": {}}, "linear"], "layers[1] (linear) needs the argument 'out_features'."),
        ([{"conv": 3}], "layers[0] is {'conv': 3}. Write a layer as its kind alone, 'relu',"),
        ([3], "layers[0] is 3. Write a layer"),
        ([{"relu": None, "conv": None}], "layers[0] is {'relu': None, 'conv': None}. Write a layer"),
        (
            [conv(4), conv(4, groups=3)],
            "layers[1] (conv) cannot be built with {'out_channels': 4, 'kernel_size': 3, 'groups': 3}: groups=3 does "
            "not divide its 4 input channels. Take one of 1, 2, 4.",
        ),
        ([conv(4, stride=0)], "layers[0] (conv) cannot be built with {"),
        ([{"max_pool": {"kernel_size": "x"}}], "layers[0] (max_pool): kernel_size is the text 'x'. Give a number."),
        (
            [{"flatten": {"start_dim": 5}}],
            "layers[0] (flatten) cannot be built with {'start_dim': 5}: Dimension out of",
        ),
        (
            [{"flatten": {"start_dim": 0}}, "linear"],
            "layers[0] (flatten) with {'start_dim': 0} makes one row of the whole batch. Leave start_dim out.",
        ),
        ([conv(4, padding=[])], "layers[0] (conv): padding is []. Give a number, or two: [height, width]."),
        (
            ["relu", {"avg_pool": {"kernel_size": [2]}}],
            "layers[1] (avg_pool): kernel_size is [2]. Give a number, or two",
        ),
        (["relu", {"batch_norm": {"eps": 0}}], "layers[1] (batch_norm): eps is 0. Give a number above 0."),
        ([conv(4), {"max_pool": {"kernel_size": 7}}], "Sequential does not fit images of 1x8x8."),
    ],
)
def test_mistakes(layers: list[Any], message: str) -> None:
    with pytest.raises(ModelError) as caught:
        sequential(layers, in_channels=1, image_size=8, num_classes=10)
    assert str(caught.value).startswith(message)


def test_relu_and_null_arguments() -> None:
    model = sequential(["flatten", {"relu": None}, {"linear": None}], 1, 4, 3)
    assert model(torch.zeros(2, 1, 4, 4)).shape == (2, 3)


@pytest.mark.parametrize("layers", [5, {"a": 1}, "relu", {"relu"}, None])
def test_what_is_no_list_of_layers(layers: Any) -> None:
    with pytest.raises(
        ModelError, match=r"^layers must be a list with at least one layer, such as \['flatten', 'linear"
    ):
        sequential(layers)
