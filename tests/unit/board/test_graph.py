import threading
from typing import Any

import torch
from tensorboard.compat.proto.graph_pb2 import GraphDef
from torch import Tensor, nn

from convboard.board.graph import trace_graph

IMAGE = torch.zeros(1, 1, 8, 8)


class ReturnsDictionary(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"logits": self.conv(images).mean((2, 3))}


class CannotBeTraced(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())

    def forward(self, images: Tensor) -> Any:
        if torch._C._get_tracing_state():
            raise NotImplementedError("I will not be traced.\nNever.")
        return self.body(images)


class CannotBeCopied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.lock = threading.Lock()

    def forward(self, images: Tensor) -> Any:
        return self.conv(images)


def nodes(content: bytes) -> dict[str, str]:
    return {node.name: node.op for node in GraphDef.FromString(content).node}


def test_a_plain_network_is_traced_strictly() -> None:
    graph = trace_graph(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), IMAGE)
    assert graph.reason == ""
    assert "aten::_convolution" in nodes(graph.content).values()


def test_a_network_that_returns_a_dictionary_is_traced_loosely_and_says_so() -> None:
    graph = trace_graph(ReturnsDictionary(), IMAGE)
    assert "aten::_convolution" in nodes(graph.content).values()
    assert graph.reason.startswith("The Graphs tab shows a loose trace, because strict tracing failed (RuntimeError:")


def test_a_network_that_cannot_be_traced_is_drawn_as_its_modules_and_says_why() -> None:
    graph = trace_graph(CannotBeTraced(), IMAGE)
    assert nodes(graph.content) == {
        "input": "input",
        "CannotBeTraced/body/0": "Conv2d",
        "CannotBeTraced/body/1": "ReLU",
        "output": "output",
    }
    assert "the tree of its modules" in graph.reason
    assert "loose tracing failed (NotImplementedError: I will not be traced.)" in graph.reason


def test_a_network_that_cannot_be_copied_is_drawn_as_its_modules_and_says_why() -> None:
    graph = trace_graph(CannotBeCopied(), IMAGE)
    assert "CannotBeCopied/conv" in nodes(graph.content)
    assert "cannot be copied (TypeError: cannot pickle" in graph.reason


def test_the_network_and_the_random_state_stay_as_they_are() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5), nn.RReLU())
    model[2].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    random_state = torch.get_rng_state()
    trace_graph(model, torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert [module.training for module in model] == [True, True, False, True]
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random_state)
