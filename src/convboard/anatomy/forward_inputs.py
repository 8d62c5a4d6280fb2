"""The inputs that the forward of a network takes, against those that it is called with."""

import inspect
import io
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from itertools import product

from torch import nn

from convboard.anatomy.dry_run import DryRun, dry_run, lazy_layers
from convboard.anatomy.trace import Shape
from convboard.errors import ModelError

_MOST_TRIALS = 16


class InputsError(ModelError):
    """A network takes more or fewer inputs than it was given.

    Attributes:
        reason: The mistake, in one sentence.
        shapes: The shape of each input without the batch, with which the network runs; if it is not known, that of the
            image and the names of the others.
        names: The names of these inputs.
    """

    def __init__(self, reason: str, shapes: Sequence[Shape | str], names: Sequence[str]) -> None:
        self.reason, self.shapes, self.names = reason, shapes, names
        super().__init__(self.with_advice(python_shapes(shapes)))

    def with_advice(self, argument: str) -> str:
        """Return the message, with an argument that gives the shapes."""
        what = "its shape alone" if len(self.shapes) == 1 else "the shape of each"
        is_example = all(isinstance(shape, tuple) for shape in self.shapes[1:]) and len(self.shapes) > 1
        return f"{self.reason} Give {what}{', such as ' if is_example else ': '}{argument}."


def python_shapes(shapes: Sequence[Shape | str]) -> str:
    """Return shapes as in Python: `(3, 32, 32)` of one input, `[(3, 32, 32), (5,)]` of two."""
    written = [f"shape_of_{shape}" if isinstance(shape, str) else str(tuple(shape)) for shape in shapes]
    return written[0] if len(written) == 1 else f"[{', '.join(written)}]"


def raise_error(model: nn.Module, run: DryRun) -> None:
    """Raise the exception of a run, if there is one.

    Args:
        model: The network.
        run: Its run.

    Raises:
        InputsError: The network takes another number of inputs than those of the run.
        Exception: Any other exception of the network.
    """
    if run.error is not None:
        check_inputs(model, run)
        raise run.error


def check_inputs(model: nn.Module, run: DryRun) -> None:
    """Raise an error if a run failed because the network takes another number of inputs than those of the run.

    Args:
        model: The network.
        run: Its run.

    Raises:
        InputsError: It does; the message has the shapes of all inputs, with which the network runs, if they are found.
    """
    parameters = _positional(model) if isinstance(run.error, TypeError) and not run.calls else []
    shapes: list[Shape] = [run.image_shape, *run.other_shapes]
    needed = sum(one.default is one.empty for one in parameters)
    if not parameters or needed <= len(shapes) <= len(parameters):
        return
    count = needed if len(shapes) < needed else len(parameters)
    at_least = "at least " if count < len(parameters) and len(shapes) < needed else ""
    reason = (
        f"{type(model).__name__} takes {at_least}{count} input{'s' if count > 1 else ''}, "
        f"forward({', '.join(map(str, parameters))}), but {'1 is' if len(shapes) == 1 else f'{len(shapes)} are'} given."
    )
    names = [one.name for one in parameters[:count]]
    found = _working_shapes(model, shapes, count) if len(shapes) < count else shapes[:count]
    raise InputsError(reason, found or [*shapes, *names[len(shapes) :]], names) from run.error


def _positional(model: nn.Module) -> list[inspect.Parameter]:
    """The parameters of a forward that takes a fixed number of inputs by position; none for another one."""
    try:
        parameters = list(inspect.signature(model.forward).parameters.values())
    except (TypeError, ValueError):
        return []
    fixed = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    others = [one for one in parameters if one not in fixed]
    has_others = any(one.kind is one.VAR_POSITIONAL or _is_needed(one) for one in others)
    return [] if has_others else fixed


def _is_needed(parameter: inspect.Parameter) -> bool:
    return parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty


def _working_shapes(model: nn.Module, shapes: Sequence[Shape], count: int) -> list[Shape] | None:
    """Shapes of all inputs with which a network runs; None if none are found in a few runs."""
    if lazy_layers(model):  # a run would fix the shapes of its layers
        return None
    candidates = list(dict.fromkeys(_candidates(model, shapes[0])))
    for number, others in enumerate(product(candidates, repeat=count - len(shapes))):
        if number == _MOST_TRIALS:
            break
        tried = [*shapes, *others]
        with redirect_stdout(io.StringIO()):  # a forward may print
            run = dry_run(model, shapes[0], other_shapes=tried[1:])
        if run.error is None:
            return tried
    return None


def _candidates(model: nn.Module, image: Shape) -> Iterator[Shape]:
    """Likely shapes of a further input: an image, the features of a Linear, a mask, a number."""
    yield image
    for module in model.modules():
        if isinstance(module, nn.Linear):
            yield (module.in_features,)
    yield from ((1, *image[1:]), ())
