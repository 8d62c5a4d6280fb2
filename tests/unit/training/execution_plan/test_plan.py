import pytest
import torch
from torch import nn

from convboard.errors import ConfigError
from convboard.training.execution_plan.plan import Plan, choose_device

CPU = torch.device("cpu")


def test_auto_takes_a_device_that_is_there() -> None:
    assert torch.zeros(1, device=choose_device("auto")).item() == 0


def test_a_device_that_is_not_there_is_refused_with_those_that_are() -> None:
    message = r"^trainer\.device=cuda: torch \S+ finds no cuda device on this machine\. Available here: cpu\. Use tr"
    with pytest.raises(ConfigError, match=message):
        choose_device("cuda")


def test_an_unknown_device_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"Did you mean 'cuda'\?"):
        choose_device("cudaa")


def test_channels_last_reaches_the_kernels() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3))
    Plan(CPU, channels_last=True).place(model)
    assert model.get_parameter("0.weight").is_contiguous(memory_format=torch.channels_last)


def test_bf16_is_autocast_and_leaves_the_weights_alone() -> None:
    plan = Plan(CPU, precision="bf16")
    model = plan.place(nn.Linear(2, 2))
    with plan.autocast():
        assert model(torch.zeros(1, 2)).dtype == torch.bfloat16
    assert model.weight.dtype == torch.float32


def test_the_description_names_what_is_switched_on() -> None:
    assert Plan(CPU, "bf16", channels_last=True).describe().endswith(", bf16, channels_last")


def test_the_description_says_what_each_of_several_processes_has() -> None:
    assert Plan(CPU, threads=2).describe() == "cpu (2 threads), fp32"
    assert Plan(CPU, threads=1).describe(processes=2) == "cpu, 2 processes of 1 thread each, fp32"
