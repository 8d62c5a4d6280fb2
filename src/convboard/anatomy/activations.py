"""The output of each convolution and linear layer, before and after its activation function.

The activation is found by following tensors rather than modules, so that it is found in
`F.relu(self.bn1(self.conv1(x)))` as well as in a Sequential. A sum, a concatenation or any other function of several
tensors ends the search: the ReLU after a residual addition is not the activation of the convolution before it.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from convboard.anatomy.dry_run import run_without_side_effects
from convboard.anatomy.function_call import first_tensor
from convboard.anatomy.function_names import words
from convboard.anatomy.trace import CallNames, leaf_modules

# Names of torch functions, which torch's modules call too, without the underscore of the in-place ones.
_ACTIVATIONS = words(
    """
    celu elu gelu hardsigmoid hardswish hardtanh leaky_relu logsigmoid log_sigmoid mish prelu relu relu6 rrelu selu
    sigmoid silu softplus softsign tanh threshold
    """
)
# Functions that may be between a layer and its activation: each of their units depends on one channel of the layer.
_PASSED_THROUGH = words(
    """
    batch_norm instance_norm group_norm layer_norm dropout dropout2d feature_dropout alpha_dropout max_pool2d
    max_pool2d_with_indices avg_pool2d adaptive_avg_pool2d adaptive_max_pool2d
    """
)


@dataclass(frozen=True)
class LayerActivation:
    """The output of one layer for some images.

    Attributes:
        name: Module path; the second call of a shared layer is `name:2`.
        module: The Conv2d or Linear.
        output: [N, C, H, W] or [N, F], the layer's own output.
        activated: The same after its activation function; None if there is none. Batch normalisation, dropout or
            pooling may be between the two; after a pooling, H and W are smaller than those of `output`.
        activation: The activation function's name in torch, such as `relu`; None if there is none.
        input: The layer's input; None if inputs are not kept.
    """

    name: str
    module: nn.Conv2d | nn.Linear
    output: Tensor
    activated: Tensor | None = None
    activation: str | None = None
    input: Tensor | None = None


def layer_activations(model: nn.Module, images: Tensor, *, keep_inputs: bool = False) -> dict[str, LayerActivation]:
    """Run images through a network and return the outputs of its layers, before and after the activation function.

    The network runs in evaluation mode without gradients. Its modes, buffers and hooks and the random numbers stay
    unchanged.

    Args:
        model: Any network that is not compiled.
        images: [N, C, H, W], normalised as the network expects them.
        keep_inputs: Whether to copy the input of each layer, too.

    Returns:
        Name to outputs for every Conv2d and Linear that ran, in the order of the calls. Tensors are copies on the
        network's device.
    """
    search = _ActivationSearch()
    names = CallNames()
    with ExitStack() as hooks:
        for name, module in leaf_modules(model).items():
            if isinstance(module, (nn.Conv2d, nn.Linear)):

                def begin(module: nn.Module, args: Any, kwargs: Any, output: Tensor, name: str = name) -> None:
                    given = first_tensor((*args, *kwargs.values())) if keep_inputs else None
                    search.begin(names.next(name), module, output, given)

                hooks.enter_context(module.register_forward_hook(begin, with_kwargs=True))
        with search:
            run_without_side_effects(model, images.clone())  # an in-place function may change them
    return search.found


class _ActivationSearch(TorchFunctionMode):
    """Follows each layer's output through the torch functions that are called on it, up to its activation function."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, LayerActivation] = {}
        # Tensor id to (tensor, name of the layer). Holding the tensor keeps its id from being used again.
        self._followed: dict[int, tuple[Tensor, str]] = {}

    def begin(self, name: str, module: nn.Module, output: Tensor, given: Tensor | None) -> None:
        """Follow the output of a layer that has just run; `given` is its input, if it is to be kept."""
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
        # An in-place function returns its input, whose values it has replaced.
        self._followed.pop(id(returned), None)
        if layer is not None and isinstance(returned, Tensor):
            if name in _ACTIVATIONS:
                self._end(layer, returned, name)
            elif name in _PASSED_THROUGH:
                self._followed[id(returned)] = (returned, layer)
        return result

    def _end(self, layer: str, activated: Tensor, activation: str) -> None:
        """Keep the first activation of a layer; that of a second branch from the same layer is ignored."""
        before = self.found[layer]
        if before.activated is None:
            self.found[layer] = replace(before, activated=activated.detach().clone(), activation=activation)
