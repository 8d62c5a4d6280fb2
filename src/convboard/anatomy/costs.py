"""Multiplications that a network does: what torch's own counter counts, without what it takes to import.

`torch.utils.flop_counter.FlopCounterMode` imports the compiler at its first use, 5 s. So convolutions and linear layers
are counted here by its formula (a test holds the two equal), and only functions that convnets seldom have by itself.
"""

from typing import Any

from torch import Tensor

from convboard.anatomy.function_call import FunctionCall
from convboard.anatomy.trace import first_tensor

_COUNTED_BY_TORCH = """
addbmm addmm addmv baddbmm bilinear chain_matmul conv1d conv3d conv_transpose1d conv_transpose3d einsum gru
inner lstm multi_dot multi_head_attention_forward rmatmul rnn_relu rnn_tanh
tensordot
"""
_BY_TORCH = frozenset(_COUNTED_BY_TORCH.split())


class Costs:
    """Counts multiply-accumulate operations through a network's functions.

    Args:
        images: What the network is given.
    """

    def __init__(self, images: Tensor) -> None:
        self._total = 0

    def overwrite(self, written: Tensor) -> None:
        """Costs nothing more."""

    def of(self, tensor: Tensor) -> int:
        """How many there have been until now, for the whole batch."""
        return self._total

    def follow(self, call: FunctionCall, result: Any) -> None:
        """Add what a function took."""
        if call.name in _BY_TORCH:
            from torch.utils.flop_counter import FlopCounterMode

            with FlopCounterMode(display=False) as counter:
                call.function(*call.args, **call.kwargs)
            self._total += counter.get_total_flops() // 2
            return
        output, weight = first_tensor(result), call.arguments.get("weight")
        if output is not None and call.name in {"matmul", "mm", "bmm"}:
            self._total += output.numel() * call.tensors[0].shape[-1]
        if output is not None and call.name == "scaled_dot_product_attention":
            query, key, value = call.tensors[:3]
            self._total += query[..., 0].numel() * key.shape[-2] * (key.shape[-1] + value.shape[-1])
        if output is None or weight is None:
            return
        if call.name in {"conv2d", "linear"}:
            self._total += output.numel() * weight[0].numel()
        elif call.name == "conv_transpose2d":
            self._total += call.arguments["input"].numel() * weight[0].numel()
