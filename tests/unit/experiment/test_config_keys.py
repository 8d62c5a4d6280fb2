import pytest
from torch import nn

from convboard.anatomy.check import check_fit
from convboard.anatomy.origin import Origin
from convboard.errors import ConvboardError, DataError, ModelError
from convboard.experiment.config_keys import errors_with_config_keys


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (DataError("val_size=0 is too small.", arguments=("val_size",)), "dataset.val_size=0 is too small."),
        (DataError("data_dir=x leads nowhere.", arguments=("data_dir",)), "data_dir=x leads nowhere."),
        (ModelError("widths=[]: too few.", arguments=("widths",)), "model.widths=[]: too few."),
        (ModelError("Net needs 'a'.", arguments=("a",)), "Net needs 'a'. In a config: model.a."),
        (
            ModelError("Net needs the arguments 'a' and 'b'.", arguments=("a", "b")),
            "Net needs the arguments 'a' and 'b'. In a config: model.a=VALUE model.b=VALUE.",
        ),
        (
            ModelError("Net needs the argument 'a'.", arguments=("a=10",)),
            "Net needs the argument 'a'. In a config: model.a=10.",
        ),
        (
            ModelError("Bad groups.", arguments=("groups", "out_groups")),
            "Bad groups. In a config: model.groups or model.out_groups.",
        ),
        (ModelError("Something else."), "Something else."),
    ],
)
def test_an_argument_gets_its_key(error: ConvboardError, message: str) -> None:
    with pytest.raises(type(error)) as raised, errors_with_config_keys():
        raise error
    assert str(raised.value) == message


class Net(nn.Sequential):
    def __init__(self, in_channels: int = 3, width: int = 8) -> None:
        super().__init__(nn.Conv2d(in_channels, width, 5), nn.Flatten(), nn.Linear(width, 10))


def fit(model: nn.Module, shape: tuple[int, int, int]) -> list[str]:
    """The remedies in the message."""
    with pytest.raises(ModelError) as raised, errors_with_config_keys():
        check_fit(model, shape, 10, Origin(type(model)))
    return " ".join(str(raised.value).split()).partition(" - ")[2].split(" - ")


def test_a_remedy_gets_its_key() -> None:
    assert fit(Net(), (1, 5, 5))[0] == (
        "build it with Net(in_channels=1) (in a config: model.in_channels=1, or left out)"
    )
    assert fit(Net(), (3, 4, 4))[0] == "give it images of 5x5 or more (in a config: dataset.image_size=5)"
    assert fit(Net(), (3, 6, 6)) == [
        "write nn.Linear(32, 10) for 2, or nn.LazyLinear(10), which finds the number itself",
    ]
