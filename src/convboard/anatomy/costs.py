"""The multiply-accumulate operations of a network, from the shapes of what its functions get and return.

These are half of what `torch.utils.flop_counter.FlopCounterMode` counts, which imports the compiler at its first use (5
to 24 s), and does not know recurrent layers. A test compares the two.
"""

from collections.abc import Callable, Sequence
from functools import cache
from math import isqrt, prod
from typing import Any, NamedTuple

from torch import Tensor

from convboard.anatomy.function_call import FunctionCall, first_tensor


class Macs(NamedTuple):
    """Numbers of multiply-accumulate operations.

    Attributes:
        of_images: With a tensor that depends on the images.
        others: With other tensors only, such as the weights that a spectral normalisation computes. These need not be
            computed for each image.
    """

    of_images: int
    others: int


class MacCounter:
    """Counts the multiply-accumulate operations of a run; a `trace.Tracker`.

    Args:
        images: [N, C, H, W], what the network is called with; not read.
    """

    def __init__(self, images: Tensor) -> None:
        self._total = Macs(0, 0)

    def invalidate(self, written: Tensor, sharing: Sequence[Tensor]) -> None:
        """Does nothing: the operations were counted when the function was called."""

    def forget(self, tensor: Tensor) -> None:
        """Does nothing, likewise."""

    def value(self, tensor: Tensor) -> Macs:
        """Return the numbers of operations so far, for the whole batch; they do not depend on the tensor."""
        return self._total

    def update(self, call: FunctionCall, result: Any) -> None:
        """Adds the operations of a function."""
        count = _COUNTS.get(call.name)
        if count is not None and (output := first_tensor(result)) is not None:
            macs, (of_images, others) = count(call, output), self._total
            self._total = Macs(of_images + macs, others) if call.is_of_images else Macs(of_images, others + macs)


def _weighted(call: FunctionCall, output: Tensor) -> int:
    """A convolution or a linear layer: each output is a sum over the weights of its channel."""
    weight: Tensor = call.arguments.get("weight", call.tensors[1])
    return output.numel() * weight[0].numel()


def _bilinear(call: FunctionCall, output: Tensor) -> int:
    return output.numel() * call.tensors[2][0].numel()


def _transposed(call: FunctionCall, _output: Tensor) -> int:
    """A transposed convolution: each input is multiplied by the weights of its channel."""
    weight: Tensor = call.arguments.get("weight", call.tensors[1])
    return call.tensors[0].numel() * weight[0].numel()


def _matmul(call: FunctionCall, output: Tensor) -> int:
    return output.numel() * call.tensors[0].shape[-1]


def _reversed_matmul(call: FunctionCall, output: Tensor) -> int:
    """`x.__rmatmul__(y)`, which is y @ x."""
    return output.numel() * call.tensors[1].shape[-1]


def _added_matmul(call: FunctionCall, _output: Tensor) -> int:
    """A product of matrices, or of matrices and a vector, that is added to the first argument."""
    left, right = call.tensors[1:3]
    return left.numel() * (right.shape[-1] if right.ndim > 1 else 1)


def _contracted(call: FunctionCall, output: Tensor) -> int:
    """A product without a batch, [*m, *k] and [*k, *n] to [*m, *n]: m·k·n is the root of (m·k)·(k·n)·(m·n)."""
    left, right = call.tensors[:2]
    return isqrt(left.numel() * right.numel() * output.numel())


def _chain(call: FunctionCall, _output: Tensor) -> int:
    """A product of several matrices, in the order that takes the fewest operations."""
    matrices = call.tensors
    sizes = [matrices[0].shape[0] if matrices[0].ndim > 1 else 1, *(m.shape[0] for m in matrices[1:])]
    sizes.append(matrices[-1].shape[1] if matrices[-1].ndim > 1 else 1)

    @cache
    def fewest(first: int, last: int) -> int:
        inner = range(first + 1, last)
        own = (sizes[first] * sizes[at] * sizes[last] for at in inner)
        return min((count + fewest(first, at) + fewest(at, last) for count, at in zip(own, inner)), default=0)

    return fewest(0, len(sizes) - 1)


def _einsum(call: FunctionCall, _output: Tensor) -> int:
    """An Einstein sum, one operand after the other from the left, as torch computes it."""
    operands, output = _einsum_indices(call)
    sizes: dict[str, int] = {}
    for operand, tensor in zip(operands, call.tensors):
        for index, size in zip(operand, tensor.shape):
            sizes[index] = max(size, sizes.get(index, 1))
    total, done = 0, set(operands[0])
    for at, operand in enumerate(operands[1:], 2):
        needed = set(output).union(*operands[at:])
        indices = {index for index in done.union(operand) if index in needed or index in done.intersection(operand)}
        if indices - needed:  # without a sum, torch only multiplies
            total += prod(sizes[index] for index in indices)
        done = indices & needed
    return total


def _einsum_indices(call: FunctionCall) -> tuple[list[list[str]], list[str]]:
    """The index of each dimension of each operand, and those of the output."""
    equation, tensors = call.args[0], call.tensors
    if not isinstance(equation, str):  # operands and lists of numbers in turn
        lists = [value for value in call.args if isinstance(value, (list, tuple))]
        texts = ["".join("..." if at is Ellipsis else chr(ord("A") + at) for at in one) for one in lists]
        equation = ",".join(texts[: len(tensors)]) + (f"->{texts[-1]}" if len(texts) > len(tensors) else "")
    left, arrow, right = equation.replace(" ", "").partition("->")
    operands = [_indices(text, tensor.ndim) for text, tensor in zip(left.split(","), tensors)]
    if not arrow:
        return operands, [index for one in operands for index in one if index[0] == "." or left.count(index) == 1]
    return operands, _indices(right, max(tensor.ndim for tensor in tensors) + len(right))


def _indices(text: str, ndim: int) -> list[str]:
    """The index of each dimension; those that `...` stands for are numbered from the last one."""
    before, dots, after = text.partition("...")
    count = max(ndim - len(before) - len(after), 0) if dots else 0
    return [*before, *(f".{at}" for at in range(count, 0, -1)), *after]


def _attention(call: FunctionCall, _output: Tensor) -> int:
    """Scaled dot-product attention: scores, and the sum of the values weighted by them."""
    query, key, value = call.tensors[:3]
    return query[..., 0].numel() * key.shape[-2] * (key.shape[-1] + value.shape[-1])


def _multi_head_attention(call: FunctionCall, _output: Tensor) -> int:
    """The four projections of [L, N, E], and attention in all heads together."""
    query, key, value = call.tensors[:3]
    embedding = query.shape[-1]
    projections = (2 * query.numel() + key.numel() + value.numel()) * embedding
    return projections + 2 * query.numel() * key.shape[0]


def _recurrent(call: FunctionCall, _output: Tensor) -> int:
    """A recurrent layer: at each step of each sequence, a product with every weight."""
    given = call.tensors[0]
    weights = sum(tensor.numel() for tensor in call.parameters if tensor.ndim == 2)
    return given.numel() // given.shape[-1] * weights


def _count_of(count: Callable[[FunctionCall, Tensor], int], names: str) -> dict[str, Callable[..., int]]:
    return dict.fromkeys(names.split(), count)


_COUNTS: dict[str, Callable[[FunctionCall, Tensor], int]] = {
    **_count_of(_weighted, "conv1d conv2d conv3d linear"),
    **_count_of(_transposed, "conv_transpose1d conv_transpose2d conv_transpose3d"),
    **_count_of(_matmul, "matmul mm bmm mv dot vdot linear_dynamic"),
    **_count_of(_added_matmul, "addmm addbmm baddbmm addmv"),
    **_count_of(_contracted, "tensordot inner"),
    **_count_of(_chain, "chain_matmul multi_dot linalg_multi_dot"),
    **_count_of(_recurrent, "lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell"),
    "rmatmul": _reversed_matmul,
    "bilinear": _bilinear,
    "einsum": _einsum,
    "multi_head_attention_forward": _multi_head_attention,
    "scaled_dot_product_attention": _attention,
}
