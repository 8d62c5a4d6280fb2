"""The network's graph for the Graphs tab.

Three attempts are made: a strict trace, a non-strict trace (for networks that return dictionaries or lists), and the
tree of modules without running the network. A text gives the reason why the first one failed.
"""

import copy
import warnings
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from convboard.anatomy.module_paths import named_modules


@dataclass(frozen=True)
class Graph:
    """A serialised `GraphDef`, and why it is not a strict trace; empty where it is."""

    content: bytes
    reason: str = ""


def trace_graph(model: nn.Module, image: Tensor) -> Graph:
    """The graph of a network, whose modes, buffers and gradients stay unchanged, as does the random state.

    Args:
        model: The network.
        image: A normalised image `[1, C, H, W]` to trace it with, on the network's device.
    """
    reasons = []
    try:
        twin = copy.deepcopy(model).eval()
    except Exception as error:  # a network may hold something that cannot be copied, such as a lock
        reasons.append(f"the network cannot be copied ({_first_line(error)})")
    else:
        for strict in (True, False):
            try:
                return Graph(_trace(twin, image, strict=strict), _explain(reasons, "a loose trace"))
            except Exception as error:  # a network's own code may raise anything
                reasons.append(f"{'strict' if strict else 'loose'} tracing failed ({_first_line(error)})")
    return Graph(_module_tree(model), _explain(reasons, "the tree of its modules, without the operations between"))


def _trace(model: nn.Module, image: Tensor, *, strict: bool) -> bytes:
    """The graph that `SummaryWriter.add_graph` writes, without its writer and without checking the trace."""
    # Deferred for start-up time, as below.
    from tensorboard.compat.proto.graph_pb2 import GraphDef
    from tensorboard.compat.proto.versions_pb2 import VersionDef
    from torch.utils.tensorboard._pytorch_graph import parse

    devices = [image.device] if image.is_cuda else []
    with torch.random.fork_rng(devices=devices), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jit.trace: deprecated, and warns of every Python branch it passes
        trace = torch.jit.trace(model, (image,), strict=strict, check_trace=False)  # type: ignore[no-untyped-call]
        nodes = parse(trace.inlined_graph, trace, (image,))  # type: ignore[no-untyped-call]
    return bytes(GraphDef(node=nodes, versions=VersionDef(producer=22)).SerializeToString())


def _module_tree(model: nn.Module) -> bytes:
    """A chain of all modules without submodules, in the order of their construction."""
    # Deferred for start-up time, as above.
    from tensorboard.compat.proto.attr_value_pb2 import AttrValue
    from tensorboard.compat.proto.graph_pb2 import GraphDef
    from tensorboard.compat.proto.node_def_pb2 import NodeDef

    root = type(model).__name__
    nodes = [NodeDef(name="input", op="input")]
    for path, module in named_modules(model):
        if next(module.children(), None) is None:
            name = "/".join([root, *path.split(".")]) if path else root
            arguments = AttrValue(s=module.extra_repr().encode())
            node = NodeDef(name=name, op=type(module).__name__, input=[nodes[-1].name], attr={"arguments": arguments})
            nodes.append(node)
    nodes.append(NodeDef(name="output", op="output", input=[nodes[-1].name]))
    return bytes(GraphDef(node=nodes).SerializeToString())


def _explain(reasons: list[str], shown: str) -> str:
    return f"The Graphs tab shows {shown}, because {', and '.join(reasons)}." if reasons else ""


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
