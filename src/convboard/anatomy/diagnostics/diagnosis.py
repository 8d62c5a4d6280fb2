"""A mistake as people read it: the table up to the place, what is wrong there, and what to do."""

import textwrap
from dataclasses import dataclass

from convboard.anatomy.diagnostics.case import Case, Finding
from convboard.anatomy.diagnostics.wording import sizes
from convboard.anatomy.layer_row import LayerRow
from convboard.anatomy.layer_rows import rows_of
from convboard.anatomy.trace import Shape

WIDTH = 80  # columns of the text
_LONGEST_TABLE, _FIRST, _LAST = 20, 4, 12  # rows; of a longer one so many are shown from both ends
_LONGEST_NAME = 24


@dataclass(frozen=True)
class Diagnosis:
    """Why a network and its images do not fit, and what to do.

    Attributes:
        kind: ``in_features``, ``in_channels``, ``flatten``, ``batch``, ``window``, ``groups``, ``norm``, ``picture``,
            ``branches``, ``dtype``, ``device``, ``parameters``,
            ``forward``, ``output`` or ``num_classes``.
        layer: Where the mistake shows, as ``layer_table`` names it; None for the network as a whole.
        reason: What is wrong.
        cures: What to do; each is enough by itself, and the first is the nearest.
        wanted: What the layer wanted, such as ``400 features``.
        arrived: What it got.
        formula: The output size in question with its numbers put in; empty where there is none.
        table: The rows of what ran before.
        heading: What does not fit what.
        failed: Name and type of the layer that raised, for the table's last line; None where none did.
    """

    kind: str
    layer: str | None
    reason: str
    cures: tuple[str, ...]
    wanted: str
    arrived: str
    formula: str
    table: tuple[LayerRow, ...]
    heading: str
    failed: tuple[str, str] | None = None

    @property
    def message(self) -> str:
        """What is wrong and what to do, as one paragraph."""
        cures = "; or ".join(self.cures)
        return f"{self.reason} What to do: {cures}." if cures else self.reason

    def __str__(self) -> str:
        """The table up to the place that failed, then what is wrong and what to do."""
        parts = [self.heading, self._table(), _wrapped(self.reason), self._cures()]
        return "\n\n".join(part for part in parts if part)

    def _cures(self) -> str:
        if not self.cures:
            return ""
        head = "What to do:" if len(self.cures) == 1 else "What to do, one of these:"
        lines = [_wrapped(f"- {cure}", indent="  ") for cure in self.cures]
        return "\n".join([head, *lines])

    def _mark(self) -> str:
        """What the table says of the place."""
        if self.kind == "branches":
            return "<- its inputs do not match"
        has_failed = self.failed is not None and self.failed[0] == self.layer
        return f"<- {'gets' if has_failed else 'gives'} {self.arrived}, wanted: {self.wanted}"

    def _table(self) -> str:
        ran = [(row.name, row.type, sizes(row.output_shape) or "—", row.formula) for row in self.table if row.inputs]
        if self.failed:
            ran.append((*self.failed, "failed", ""))
        lines = [
            (_short(name), kind, output, self._mark() if name == self.layer else formula)
            for name, kind, output, formula in ran
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


def diagnosis_of(case: Case, finding: Finding) -> Diagnosis:
    """The finding together with the table of what ran."""
    call, failed = finding.call, case.run.failed_call
    return Diagnosis(
        finding.kind,
        call.name if call else None,
        finding.reason,
        finding.cures,
        finding.wanted,
        finding.arrived,
        finding.formula,
        tuple(rows_of(case.model, case.run)),
        _heading(case.name or type(case.model).__name__, case.run.image_shape, case.num_classes),
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
