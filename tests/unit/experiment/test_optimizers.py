import pytest
import torch
from torch import nn

from convboard.anatomy.origin import Origin
from convboard.config.instantiate import resolve
from convboard.errors import ConfigError, ModelError
from convboard.experiment.optimizers import build_optimizer, build_schedule


@pytest.mark.parametrize(("dtype", "is_fused"), [(torch.float32, True), (torch.complex64, False)])
def test_only_weights_of_floating_point_are_changed_by_one_kernel(dtype: torch.dtype, is_fused: bool) -> None:
    model = nn.Linear(2, 2, dtype=dtype)
    optimizer = build_optimizer(
        resolve("optimizer", {"_target_": "torch.optim.SGD", "lr": 0.1}), model, torch.device("cpu")
    )
    assert bool(optimizer.param_groups[0]["fused"]) == is_fused
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)
    before = model.bias.detach().clone()
    optimizer.step()
    torch.testing.assert_close(model.bias.detach(), before - 0.1)


def frozen() -> nn.Module:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    return model.requires_grad_(False)


def test_a_network_that_is_frozen_as_a_whole_is_refused_with_the_line() -> None:
    target = resolve("optimizer", {"_target_": "torch.optim.SGD", "lr": 0.1})
    with pytest.raises(ModelError) as raised:
        build_optimizer(target, frozen(), torch.device("cpu"), Origin(frozen))
    text = str(raised.value)
    assert text.startswith("The network has no weights to train: no parameter in it has requires_grad=True (test_opt")
    assert ": return model.requires_grad_(False)). Freeze before" in text
    assert text.endswith("such as model[0].requires_grad_(True).")
    with pytest.raises(ModelError, match=r"requires_grad=True\.$"):
        build_optimizer(target, nn.Flatten(), torch.device("cpu"))


def test_adafactor_has_what_its_step_looks_for_on_a_gpu() -> None:
    optimizer = build_optimizer(
        resolve("optimizer", {"_target_": "torch.optim.Adafactor"}), nn.Linear(2, 2), torch.device("cpu")
    )
    assert [group["capturable"] for group in optimizer.param_groups] == [False]


def test_what_is_no_optimizer_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^optimizer\._target_='builtins\.list' is not a torch\.optim\.Optimizer"):
        build_optimizer(resolve("optimizer", {"_target_": "builtins.list"}), nn.Linear(2, 2), torch.device("cpu"))


def test_an_argument_of_a_schedule_that_is_out_of_range_is_named_by_its_key() -> None:
    with pytest.raises(ConfigError, match=r"^scheduler\.rise=2: must be between 0 and 1\.$"):
        build_schedule(resolve("scheduler", {"_target_": "convboard.training.schedules.OneCycle", "rise": 2}))
