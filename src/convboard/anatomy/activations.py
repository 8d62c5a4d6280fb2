"""What each convolution and linear layer gives, before and after its activation.

The activation is found by following the tensors, not the modules, so that ``F.relu(self.bn1(self.conv1(x)))``
is seen as well as a Sequential of modules. A sum, a concatenation or anything else that mixes tensors ends
the trail: the ReLU after a residual addition is not the activation of the convolution before it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from convboard.anatomy.dry_run import run_undisturbed
from convboard.anatomy.trace import CallNames, first_tensor, leaf_modules

# Names of torch functions, without the underscore of the in-place ones. The modules call these.
_ACTIVATIONS = frozenset(
    [
        "celu",
        "elu",
        "gelu",
        "hardsigmoid",
        "hardswish",
        "hardtanh",
        "leaky_relu",
        "logsigmoid",
        "log_sigmoid",
        "mish",
        "prelu",
        "relu",
        "relu6",
        "rrelu",
        "selu",
        "sigmoid",
        "silu",
        "softplus",
        "softsign",
        "tanh",
        "threshold",
    ]
)
# What may stand between a layer and its activation: each unit still answers to one channel of the layer.
_PASSED_THROUGH = frozenset(
    [
        "batch_norm",
        "instance_norm",
        "group_norm",
        "layer_norm",
        "dropout",
        "dropout2d",
        "feature_dropout",
        "alpha_dropout",
        "max_pool2d",
        "max_pool2d_with_indices",
        "avg_pool2d",
        "adaptive_avg_pool2d",
        "adaptive_max_pool2d",
    ]
)


@dataclass(frozen=True)
class LayerActivation:
    """One layer's answer to some images.

    Attributes:
        name: Module path; the second call of a shared layer is ``name:2``.
        module: The Conv2d or Linear.
        output: ``[N, C, H, W]`` or ``[N, F]``, what the layer itself gives.
        activated: The same after its activation, None where none follows. Batch normalisation, dropout or
            pooling may stand between; after a pooling it has fewer pixels than ``output``.
        activation: The function's name in torch, such as ``relu``; None where none follows.
        input: What the layer was given; None where inputs were not asked for.
    """

    name: str
    module: nn.Conv2d | nn.Linear
    output: Tensor
    activated: Tensor | None = None
    activation: str | None = None
    input: Tensor | None = None


def layer_activations(model: nn.Module, images: Tensor, *, keep_inputs: bool = False) -> dict[str, LayerActivation]:
    """Run images through a network and see what its layers answer.

    The network runs in evaluation mode, without gradients; its modes, buffers and hooks and the random
    numbers are left as they were.

    Args:
        model: Any network, not compiled.
        images: ``[N, C, H, W]``, as the network wants them.
        keep_inputs: Copy what each layer was given, too.

    Returns:
        Name to answer, for every Conv2d and Linear that ran, in the order of the calls. Tensors are copies
        on the network's device.
    """
    trail = _Trail()
    names = CallNames()
    handles = []
    for name, module in leaf_modules(model).items():
        if isinstance(module, (nn.Conv2d, nn.Linear)):

            def begin(module: nn.Module, args: Any, kwargs: Any, output: Tensor, name: str = name) -> None:
                given = first_tensor((*args, *kwargs.values())) if keep_inputs else None
                trail.begin(names.next(name), module, output, given)

            handles.append(module.register_forward_hook(begin, with_kwargs=True))
    try:
        with trail:
            run_undisturbed(model, images)
    finally:
        for handle in handles:
            handle.remove()
    return trail.found


class _Trail(TorchFunctionMode):
    """Follows each layer's output through the torch functions called on it, until its activation."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, LayerActivation] = {}
        # Tensor id to (tensor, name of the layer). Holding the tensor keeps its id from being used again.
        self._followed: dict[int, tuple[Tensor, str]] = {}

    def begin(self, name: str, module: nn.Module, output: Tensor, given: Tensor | None) -> None:
        """Follow the output of a layer that has just run, perhaps on an input to be kept."""
        assert isinstance(module, (nn.Conv2d, nn.Linear))
        kept = None if given is None else given.detach().clone()
        self.found[name] = LayerActivation(name, module, output.detach().clone(), input=kept)
        self._followed[id(output)] = (output, name)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Called by torch in place of every function of its own."""
        result = func(*args, **(kwargs or {}))
        given = args[0] if args else (kwargs or {}).get("input")
        _, layer = self._followed.get(id(given), (None, None))
        returned = result[0] if isinstance(result, tuple) else result
        name = getattr(func, "__name__", "").rstrip("_")
        # A function that writes in place returns its input: whatever was followed there is overwritten.
        self._followed.pop(id(returned), None)
        if layer is not None and isinstance(returned, Tensor):
            if name in _ACTIVATIONS:
                self._end(layer, returned, name)
            elif name in _PASSED_THROUGH:
                self._followed[id(returned)] = (returned, layer)
        return result

    def _end(self, layer: str, activated: Tensor, activation: str) -> None:
        """Keep the first activation; a second branch from the same layer changes nothing."""
        before = self.found[layer]
        if before.activated is None:
            self.found[layer] = replace(before, activated=activated.detach().clone(), activation=activation)
