import torch
from torch import nn

from convboard.training.execution_plan.plan import Plan, available_devices

CPU = torch.device("cpu")


def test_the_cpu_is_always_available() -> None:
    assert available_devices()[0] == "cpu"


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
