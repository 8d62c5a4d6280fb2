"""The multiply-accumulate operations of a network, as torch's counter has them, without the time it takes to import.

`torch.utils.flop_counter.FlopCounterMode` imports the compiler at its first use, which takes 5 s. Convolutions and
linear layers are therefore counted here by the same formulas (a test compares the two). Only functions that are rare
in convolutional networks are left to torch's counter.
"""

from typing import Any

from torch import Tensor

from convboard.anatomy.function_call import FunctionCall, first_tensor, words

_COUNTED_BY_TORCH = words(
    """
    addbmm addmm addmv baddbmm bilinear chain_matmul conv1d conv3d conv_transpose1d conv_transpose3d einsum gru
    inner lstm multi_dot multi_head_attention_forward rmatmul rnn_relu rnn_tanh tensordot
    """
)


class MacCounter:
    """Counts the multiply-accumulate operations of a run; a `trace.Tracker`.

    Args:
        images: [N, C, H, W], what the network is called with; not read.
    """

    def __init__(self, images: Tensor) -> None:
        self._total = 0

    def invalidate(self, written: Tensor) -> None:
        """Does nothing: the operations were counted when the function was called."""

    def value(self, tensor: Tensor) -> int:
        """Return the number of operations so far, for the whole batch; it does not depend on the tensor."""
        return self._total

    def update(self, call: FunctionCall, result: Any) -> None:
        """Adds the operations of a function."""
        if call.name in _COUNTED_BY_TORCH:
            from torch.utils.flop_counter import FlopCounterMode  # deferred: see above

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
