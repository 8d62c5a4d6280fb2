"""Diagnoses of networks with tensors on several devices, on a GPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

NETWORKS = """
import sys
import torch
from torch import nn
import convboard

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(4 * 26 * 26, 10)
        self.mask = torch.ones(26, 26)

    def forward(self, x):
        x = self.conv(x.cuda() if sys.argv[1] == "moved" else x)
        if sys.argv[1] == "mask":
            x = x * self.mask
        return self.fc(x.flatten(1))

network = Network()
if sys.argv[1] in ("whole", "mask"):
    network.cuda()
if sys.argv[1] == "part":
    network.fc.cuda()
print(convboard.diagnose(network, (1, 28, 28), 10))
"""


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("whole", "None\n"),
        ("mask", "mul meets tensors on cuda:0 and cpu: a tensor made in forward is on cpu."),
        ("part", "Linear fc meets tensors on cpu and cuda:0: its fc.weight is on cuda:0,"),
        ("moved", "Conv2d conv meets tensors on cuda:0 and cpu: a tensor made in forward is on"),
    ],
)
def test_a_layer_or_a_tensor_on_another_device(case: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "networks.py").write_text(NETWORKS)
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": os.environ["CONVBOARD_GPUS"]}
    done = subprocess.run(
        [sys.executable, tmp_path / "networks.py", case], env=environment, capture_output=True, text=True, check=True
    )
    assert expected in done.stdout
