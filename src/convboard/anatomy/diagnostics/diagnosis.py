"""Diagnosis of a network that does not fit its images: the rules are tried, and the first finding is explained.

A rule is a function that recognises one kind of mistake. It looks at the operation that failed, a layer's or one that
the network's forward calls, and at those before it; it returns a finding, or None if the mistake is of another kind.
Each file of this package has the rules for one kind of operation.
"""

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from convboard.anatomy.diagnostics import (
    dtype_and_device,
    linear_features,
    model_output,
    module_definition,
    shape_mismatch,
    spatial_layers,
)
from convboard.anatomy.diagnostics.context import Context, Finding
from convboard.anatomy.diagnostics.wording import sizes
from convboard.anatomy.dry_run import DryRun, dry_run
from convboard.anatomy.layer_rows import TRACKERS, LayerRow, rows_of
from convboard.anatomy.trace import Call, Shape
from convboard.errors import ModelError

# In this order: a size that does not fit may be a mistake of the batch, and an error of shapes hides one of types.
RULES: tuple[Callable[[Context, Call], Finding | None], ...] = (
    spatial_layers.not_spatial,
    spatial_layers.wrong_groups,
    spatial_layers.wrong_in_channels,
    spatial_layers.window_too_large,
    spatial_layers.padding_too_large,
    spatial_layers.wrong_norm_width,
    spatial_layers.wrong_norm_dimensions,
    spatial_layers.wrong_norm_groups,
    linear_features.batch_flattened,
    linear_features.missing_flatten,
    linear_features.wrong_in_features,
    linear_features.wrong_view,
    shape_mismatch.different_branches,
    shape_mismatch.different_sizes,
    dtype_and_device.wrong_device,
    dtype_and_device.wrong_dtype,
)

WIDTH = 80  # columns of the text
_LONGEST_TABLE, _FIRST, _LAST = 20, 4, 12  # rows; of a longer table, the first and last rows are shown
_LONGEST_NAME = 24


@dataclass(frozen=True)
class Diagnosis:
    """Why a network and its images do not fit, and what to do.

    Attributes:
        kind: `in_features`, `in_channels`, `flatten`, `batch`, `window`, `groups`, `norm`, `picture`,
            `branches`, `dtype`, `device`, `parameters`, `forward`, `output` or `num_classes`.
        layer: The call that shows the mistake, as `layer_table` names it; None for the network as a whole.
        reason: The mistake.
        remedies: What to do; each is enough by itself, and the first is the most likely.
        wanted: What the layer expects, such as `400 features`.
        arrived: The input that it got.
        formula: The formula of the output size in question, with its numbers; empty if there is none.
        table: The rows of the calls before.
        heading: One sentence that names the network and the images.
        failed: Name and type of the layer that raised, for the table's last line; None if none did.
    """

    kind: str
    layer: str | None
    reason: str
    remedies: tuple[str, ...]
    wanted: str
    arrived: str
    formula: str
    table: tuple[LayerRow, ...]
    heading: str
    failed: tuple[str, str] | None = None

    @property
    def message(self) -> str:
        """Return the mistake and the remedies as one paragraph."""
        remedies = "; or ".join(self.remedies)
        return f"{self.reason} What to do: {remedies}." if remedies else self.reason

    def __str__(self) -> str:
        """Return the table of the layers up to the failure, then the mistake and the remedies."""
        return self.text()

    def text(self, note: Callable[[str], str] | None = None) -> str:
        """Return the table of the layers up to the failure, then the mistake and the remedies.

        Args:
            note: Returns what to append to a remedy, such as the name of a setting; None or empty for nothing.
        """
        head = "What to do:" if len(self.remedies) == 1 else "What to do, one of these:"
        lines = [_wrapped(f"- {remedy}{note(remedy) if note else ''}", indent="  ") for remedy in self.remedies]
        advice = "\n".join([head, *lines]) if lines else ""
        parts = [self.heading, self._table(), _wrapped(self.reason), advice]
        return "\n\n".join(part for part in parts if part)

    def _mark(self) -> str:
        """The mark of the table's row that shows the mistake."""
        if self.kind == "branches":
            return "<- its inputs do not match"
        has_failed = self.failed is not None and self.failed[0] == self.layer
        return f"<- {'gets' if has_failed else 'gives'} {self.arrived}, wanted: {self.wanted}"

    def _table(self) -> str:
        ran = [(row.name, row.type, sizes(row.output_shape) or "—", row.formula) for row in self.table if row.inputs]
        if self.failed:
            ran.append((*self.failed, "failed", ""))
        lines = [
            (_short(name), type_, output, self._mark() if name == self.layer else formula)
            for name, type_, output, formula in ran
        ]
        if not lines:
            return ""
        if len(lines) > _LONGEST_TABLE:
            lines = [*lines[:_FIRST], ("...", "", "", ""), *lines[-_LAST:]]
        head = ("layer", "type", "output", "size of the output")
        widths = [max(len(line[at]) for line in (head, *lines)) for at in range(3)]
        ruler = tuple("─" * width for width in (*widths, len(head[3])))
        return "\n".join(
            "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths)), line[3]]).rstrip()
            for line in (head, ruler, *lines)
        )


class DiagnosedError(ModelError):
    """A network does not fit its images; the message is the text of a diagnosis.

    Attributes:
        diagnosis: The diagnosis.
    """

    def __init__(self, diagnosis: Diagnosis) -> None:
        super().__init__(str(diagnosis))
        self.diagnosis = diagnosis


def diagnose(model: nn.Module, input_shape: Shape, num_classes: int | None = None) -> Diagnosis | None:
    """Run a network once on two black images, and explain what does not fit.

    The network, its modes and buffers and the random numbers stay unchanged. Remedies are tried on copies before they
    are suggested; for this the network's class may be called again.

    Args:
        model: Any network.
        input_shape: (C, H, W) of an image, float32 as in training.
        num_classes: How many logits the network must return for each image; None if any number will do.

    Returns:
        The mistake and the remedies; `print` shows them with the table of the layers up to the failure. None if
        nothing is wrong.

    Raises:
        ModelError: The shape is not that of an image, a lazy layer has no shape yet, or the network is a script.
        Exception: Any exception of the network's forward that is not a known mistake.

    Example:
        >>> print(convboard.diagnose(MyNet(), (1, 28, 28), num_classes=10))
    """
    context = Context(model, dry_run(model, input_shape, trackers=TRACKERS, dtype=torch.float32), num_classes)
    finding = find_mistake(context)
    if finding is None and context.run.error is not None:
        raise context.run.error
    return _diagnosis(context, finding) if finding else None


def raise_diagnosed(
    model: nn.Module,
    run: DryRun,
    num_classes: int | None = None,
    factory: Callable[..., nn.Module] | None = None,
    arguments: Mapping[str, Any] | None = None,
    name: str = "",
    is_complete: bool = True,
) -> None:
    """Raise an error if a dry run shows a known mistake, or raised an exception.

    Args:
        model: The network.
        run: Its dry run.
        num_classes: See `Context`, as the rest.
        factory: The function or class that built the network.
        arguments: Arguments that the factory was called with.
        name: The network's name in messages.
        is_complete: Whether the model is the whole network.

    Raises:
        DiagnosedError: The mistake is a known one.
        Exception: The exception of the dry run otherwise.
    """
    context = Context(model, run, num_classes, factory, arguments or {}, name, is_complete)
    finding = find_mistake(context)
    if finding is not None:
        raise DiagnosedError(_diagnosis(context, finding)) from run.error
    if run.error is not None:
        raise run.error


def find_mistake(context: Context) -> Finding | None:
    """Return the finding of the first rule that recognises a mistake; None if there is no known mistake."""
    if context.run.error is None:
        return (
            dtype_and_device.silent_device(context)
            or model_output.wrong_output(context)
            or module_definition.untrained_weight(context)
        )
    failed = context.run.failed_call
    if failed is None:
        return module_definition.wrong_forward(context) if not context.run.calls else None
    return next((found for rule in RULES if (found := rule(context, failed))), None)


def _diagnosis(context: Context, finding: Finding) -> Diagnosis:
    """The finding together with the table of the calls before."""
    call, failed = finding.call, context.run.failed_call
    return Diagnosis(
        finding.kind,
        call.name if call else None,
        finding.reason,
        finding.remedies,
        finding.wanted,
        finding.arrived,
        finding.formula,
        tuple(rows_of(context.model, context.run)),
        _heading(context.name or type(context.model).__name__, context.run.image_shape, context.num_classes),
        (failed.name, failed.type) if failed else None,
    )


def _heading(name: str, shape: Shape, classes: int | None) -> str:
    in_classes = f" in {classes} classes" if classes else ""
    return f"{name} does not fit images of {sizes(shape)}{in_classes}."


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"...{name[3 - _LONGEST_NAME :]}"


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + ("  " if indent else ""),
        break_on_hyphens=False,
        break_long_words=False,
    )
