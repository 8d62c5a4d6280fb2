"""Propagation of boxes through products of tensors: matrix products, einsum, attention."""

from string import ascii_uppercase
from typing import Any

import torch
from torch import Tensor

from convboard.anatomy.function_call import FunctionCall
from convboard.anatomy.receptive_field.boxes import Extents, maximum
from convboard.anatomy.receptive_field.propagation import KnownTensors, Rule, union, union_of_all


def product(call: FunctionCall, known: KnownTensors, _shape: torch.Size) -> Extents:
    """A matrix product, to which a tensor may be added: the maximum over a row and over a column."""
    *added, left, right = _operands(call)
    sides = []
    if extents := known.get(left):
        rows = extents if left.ndim > 1 else tuple(extent[None] for extent in extents)
        sides.append(tuple(maximum(extent, (-1,)) for extent in rows))
    if extents := known.get(right):
        columns = extents if right.ndim > 1 else tuple(extent[:, None] for extent in extents)
        sides.append(tuple(maximum(extent, (-2,)) for extent in columns))
    result = union(sides) if sides else ()
    if right.ndim == 1:
        result = tuple(extent.squeeze(-1) for extent in result)
    if left.ndim == 1:
        result = tuple(extent.squeeze(-2 if right.ndim > 1 else -1) for extent in result)
    return union([*known.in_order(added), *([result] if result else [])])


def _operands(call: FunctionCall) -> list[Tensor]:
    """The tensors of the product in the order in which they are multiplied."""
    return call.tensors[1::-1] if call.name == "rmatmul" else call.tensors


def contracted(call: FunctionCall, known: KnownTensors, _shape: torch.Size) -> Extents:
    """An Einstein sum: for each operand, the maximum over the letters that the output does not have."""
    equation, *operands = call.args
    tensors = operands[0] if len(operands) == 1 and isinstance(operands[0], (tuple, list)) else operands
    terms, output = letters_of(equation, [tensor.ndim for tensor in tensors])
    return union(
        [
            tuple(aligned(extent, term, output) for extent in extents)
            for tensor, term in zip(tensors, terms, strict=True)
            if (extents := known.get(tensor))
        ]
    )


def letters_of(equation: str, ndims: list[int]) -> tuple[list[str], str]:
    """Return the letters of each operand and of the output; capitals stand for the dimensions of an ellipsis.

    Args:
        equation: Of torch.einsum.
        ndims: Number of dimensions of each operand.

    Raises:
        ValueError: An operand has a letter twice.
    """
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    terms, longest = [], ""
    for term, ndim in zip(inputs.split(","), ndims, strict=True):
        count = ndim - len(term.replace("...", ""))
        others = ascii_uppercase[26 - count :] if "..." in term and count else ""
        longest = max(longest, others, key=len)
        terms.append(term.replace("...", others))
    if not arrow:
        letters = "".join(terms)
        output = "..." + "".join(sorted(x for x in set(letters) - set(longest) if letters.count(x) == 1))
    for term in terms:
        if len(set(term)) < len(term):
            raise ValueError("A diagonal is not known here.")
    return terms, output.replace("...", longest)


def aligned(extent: Tensor, letters: str, output: str) -> Tensor:
    """Return the maximum over the letters that are not in the output, in its order, with size 1 for those that it adds.

    Args:
        extent: A tensor with a dimension for each letter.
        letters: Its letters.
        output: The letters of the output.
    """
    reduced = maximum(extent, [at for at, letter in enumerate(letters) if letter not in output], keepdim=False)
    kept = [letter for letter in letters if letter in output]
    ordered = reduced.permute([kept.index(letter) for letter in output if letter in kept])
    return ordered[tuple(slice(None) if letter in letters else None for letter in output)]


def over_dimensions(call: FunctionCall, known: KnownTensors, _shape: torch.Size) -> Extents:
    """torch.tensordot: the maximum over the dimensions that are summed."""
    left, right = call.tensors[:2]
    dims: Any = call.arguments.get("dims", 2)
    if isinstance(dims, int):
        dims = (range(left.ndim - dims, left.ndim), range(dims))
    sides = []
    if extents := known.get(left):
        rows = tuple(maximum(extent, tuple(dims[0]), keepdim=False) for extent in extents)
        sides.append(tuple(row.reshape(*row.shape, *[1] * (right.ndim - len(dims[1]))) for row in rows))
    if extents := known.get(right):
        sides.append(tuple(maximum(extent, tuple(dims[1]), keepdim=False) for extent in extents))
    return union(sides)


def attention(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """Attention: all features of the unit's query, all keys, and the unit's feature of all values."""
    query, key, value, *others = call.tensors
    sides = [union_of_all([extents], shape) for tensor in others if (extents := known.get(tensor))]
    for tensor, dims in ((query, (-1,)), (key, (-2, -1)), (value, (-2,))):
        if extents := known.get(tensor):
            sides.append(tuple(maximum(extent, dims) for extent in extents))
    return union(sides)


def multi_head_attention(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """nn.MultiheadAttention, [L, N, E] or [L, E]: all features of the unit's query, all keys and values."""
    query, *others = call.tensors
    if len(shape) != query.ndim or shape[0] != query.shape[0]:  # its second output, the weights
        return union_of_all(known.in_order(call.sources), shape)
    sides = [tuple(maximum(extent, (0, -1)) for extent in extents) for extents in known.in_order(others[:2])]
    if extents := known.get(query):
        sides.append(tuple(maximum(extent, (-1,)) for extent in extents))
    return union(sides + [union_of_all([extents], shape) for extents in known.in_order(others[2:])])


PRODUCT_RULES: dict[str, Rule] = {
    **dict.fromkeys(["matmul", "rmatmul", "mm", "bmm", "mv", "dot", "addmm", "addmv", "baddbmm"], product),
    "einsum": contracted,
    "tensordot": over_dimensions,
    "scaled_dot_product_attention": attention,
    "multi_head_attention_forward": multi_head_attention,
}
