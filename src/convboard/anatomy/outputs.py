"""The outputs of the layers of a network, in one call."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from convboard.anatomy.arguments import check_dtype_and_device, check_images
from convboard.anatomy.check import raise_explained
from convboard.anatomy.dry_run import DryRun, dry_run, run_without_side_effects, unwrapped
from convboard.anatomy.forward_inputs import InputsError, check_inputs
from convboard.anatomy.function_call import first_tensor
from convboard.anatomy.module_paths import named_modules
from convboard.anatomy.trace import CallNames, leaf_modules
from convboard.errors import ModelError, nearest


def layer_outputs(
    model: nn.Module, images: Tensor | Sequence[Tensor], layers: str | Sequence[str] = "*"
) -> "OrderedDict[str, Tensor]":
    """Run images through a network and return the output of each layer.

    The network runs in evaluation mode without gradients. Its modes, buffers and hooks and the random numbers stay
    unchanged. The outputs are copies, which a following in-place ReLU does not change.

    Args:
        model: Any network.
        images: [N, C, H, W], normalised as the network expects them; for a network with several inputs, the tensors
            that it is called with, the images first.
        layers: Module paths, or glob patterns of them such as `conv*` or `layer1.*`. A pattern matches layers
            (modules without children); if it matches none of them, it matches the modules with children.

    Returns:
        Name to output, in the order of the calls. A layer that is called twice appears as `name` and `name:2`. Of
        several outputs, the first tensor is returned.

    Raises:
        ModelError: A pattern matches no module; the message suggests the nearest names. Or the images do not fit the
            network; the message explains why, as that of `check_fit` does.

    Example:
        >>> model = convboard.build_model("conv_stack", (3, 28, 28), None)
        >>> {name: list(output.shape) for name, output in layer_outputs(model, images).items()}
        {'conv1': [1, 16, 14, 14], 'conv2': [1, 32, 7, 7], 'conv3': [1, 64, 4, 4]}
    """
    model = unwrapped(model)
    given: list[Any] = list(images) if isinstance(images, (tuple, list)) and images else [images]
    check_images(given[0])
    chosen = _matching(model, [layers] if isinstance(layers, str) or not isinstance(layers, Sequence) else layers)
    with _recorded(chosen) as outputs:
        try:
            # Copies, since an in-place function may change them.
            first, *others = (tensor.clone() for tensor in given)
            run_without_side_effects(model, first, others=others)
        except (RuntimeError, TypeError):  # TypeError: its forward takes more than the images
            check_dtype_and_device(model, given[0])
            shape, *others_shapes = (tuple(tensor.shape[1:]) for tensor in given)
            run = dry_run(model, shape, other_shapes=others_shapes)
            _check_inputs(model, run)
            raise_explained(model, run)
            raise
    return outputs


def _check_inputs(model: nn.Module, run: DryRun) -> None:
    """As `check_inputs`, for a caller who gives tensors."""
    try:
        check_inputs(model, run)
    except InputsError as error:
        many = f"Give the tensor of each: ({', '.join(error.names)})."
        remedy = many if len(error.names) > 1 else f"Give {error.names[0]} alone."
        raise error.with_message(f"{error.reason} {remedy}") from error.__cause__


@contextmanager
def _recorded(modules: Mapping[str, nn.Module]) -> Iterator["OrderedDict[str, Tensor]"]:
    """Yield the outputs of modules, by name, to which every call within the context adds one."""
    outputs: OrderedDict[str, Tensor] = OrderedDict()
    names = CallNames()
    with ExitStack() as hooks:
        for name, module in modules.items():

            def keep(_module: nn.Module, _args: Any, result: Any, name: str = name) -> None:
                output = first_tensor(result)
                if output is not None:
                    outputs[names.next(name)] = output.detach().clone()

            if isinstance(module, torch.jit.ScriptModule):
                raise ModelError(f"layers={name!r} is made by torch.jit, and cannot be looked into: leave it out.")
            hooks.enter_context(module.register_forward_hook(keep))
        yield outputs


def _matching(model: nn.Module, patterns: Sequence[str]) -> dict[str, nn.Module]:
    """The modules that the patterns match."""
    leaves = leaf_modules(model)
    parents = {name: module for name, module in named_modules(model) if name and name not in leaves}
    chosen: dict[str, nn.Module] = {}
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise ModelError(f"layers={pattern!r}: give names of layers or patterns of them, such as 'conv*'.")
        for group in (leaves, parents):
            matches = {name: module for name, module in group.items() if fnmatchcase(name, pattern)}
            if matches:
                chosen |= matches
                break
        else:
            raise ModelError(f"No layer is called {pattern!r}. {nearest(pattern, leaves)}")
    return chosen
