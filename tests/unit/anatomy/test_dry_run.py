import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import Tensor, nn

from convboard.anatomy.activations import layer_activations
from convboard.anatomy.dry_run import dry_run, materialise
from convboard.anatomy.function_call import first_tensor
from convboard.anatomy.layer_rows import TRACKERS
from convboard.anatomy.outputs import layer_outputs
from convboard.anatomy.summary import layer_table
from convboard.errors import ModelError


class Restless(nn.Module):
    """Writes to buffers and draws random numbers even in evaluation mode."""

    seen: Tensor
    last: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.bn = nn.BatchNorm2d(2)
        self.frozen = nn.BatchNorm2d(2).eval()
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("last", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.seen += 1
        self.last = x.sum()
        return F.dropout(self.frozen(self.bn(self.conv(x))), p=0.5, training=True)


@pytest.mark.parametrize(
    "run",
    [
        lambda model: layer_outputs(model, torch.ones(3, 1, 8, 8)),
        lambda model: layer_activations(model, torch.ones(3, 1, 8, 8)),
        lambda model: layer_table(model, (1, 8, 8)),
        lambda model: dry_run(model, (1, 2, 2)),  # raises within
    ],
)
def test_a_run_changes_nothing(run: object) -> None:
    model = Restless()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    numbers = torch.get_rng_state()
    assert callable(run)
    run(model)
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), numbers)
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
    assert torch.is_grad_enabled()


def test_failed_call_is_the_layer_that_raised() -> None:
    run = dry_run(nn.Sequential(nn.Flatten(), nn.Linear(5, 2), nn.ReLU()), (1, 2, 2))
    assert [call.name for call in run.calls] == ["0", "1"]
    assert run.failed_call is run.calls[1]
    assert run.failed_call.input_shape == (2, 4)


def test_error_of_the_forward_itself_is_no_layers() -> None:
    class Broken(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            self[0](x)
            raise KeyError("mine")

    run = dry_run(Broken(nn.Flatten()), (1, 2, 2))
    assert isinstance(run.error, KeyError)
    assert run.failed_call is None


def test_precision_and_device_are_the_networks() -> None:
    assert dry_run(nn.Sequential(nn.Conv2d(1, 1, 1)).double(), (1, 2, 2)).output.dtype == torch.float64
    on_meta = dry_run(nn.Conv2d(1, 4, 3, device="meta"), (1, 8, 8))
    assert on_meta.output.device.type == "meta"
    assert [(call.name, call.output_shape) for call in on_meta.calls] == [("Conv2d", (2, 4, 6, 6))]


def test_lazy_layers_are_refused_until_they_have_their_shape() -> None:
    model = nn.Sequential(nn.Flatten(), nn.LazyLinear(3))
    with pytest.raises(ModelError, match="Layer '1' is lazy"):
        dry_run(model, (1, 2, 2))
    assert materialise(model, (1, 2, 2)).output.shape == (2, 3)
    assert dry_run(model, (1, 2, 2)).output.shape == (2, 3)


@pytest.mark.parametrize("shape", [(28, 28), (1, 1, 28, 28), (1, 0, 28)])
def test_shape_must_be_that_of_one_image(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="without the batch"):
        dry_run(nn.Flatten(), shape)


def test_first_tensor() -> None:
    tensor = torch.ones(1)
    assert first_tensor((None, {"a": [tensor, 2]})) is tensor
    assert first_tensor("none") is None


def test_a_data_parallel_network_is_unwrapped() -> None:
    assert [row.name for row in layer_table(nn.DataParallel(nn.Sequential(nn.Conv2d(1, 2, 3))), (1, 5, 5))] == ["0"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_script_is_refused() -> None:
    scripted = torch.jit.trace(nn.Conv2d(1, 2, 3), torch.zeros(1, 1, 5, 5))  # type: ignore[no-untyped-call]
    with pytest.raises(ModelError, match="and cannot be looked into"):
        layer_table(scripted, (1, 5, 5))


def test_what_a_table_was_made_from_is_not_kept() -> None:
    """The recorded functions have the shapes of the feature maps, not their values."""
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(4 * 24 * 24, 2))
    run = dry_run(network, (1, 28, 28), trackers=TRACKERS)
    given = [tensor for call in run.calls for function in call.functions for tensor in function.tensors]
    assert [tensor.shape for tensor in given if not isinstance(tensor, nn.Parameter)] == [
        *((2, 1, 28, 28), (2, 4, 26, 26), (2, 4, 26, 26), (2, 4, 24, 24), (2, 4 * 24 * 24))
    ]
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert sum(tensor.untyped_storage().nbytes() for tensor in given) == 4 * (parameters + 5)
