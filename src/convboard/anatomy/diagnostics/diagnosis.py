"""The result of a diagnosis, as text: the layers up to the failure, the mistake, remedies."""

import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from convboard.anatomy.diagnostics.context import Remedy
from convboard.anatomy.diagnostics.wording import sizes
from convboard.anatomy.layer_rows import LayerRow
from convboard.errors import ModelError

WIDTH = 80  # columns of the text
_LONGEST_TABLE, _FIRST, _LAST = 20, 4, 12  # rows; of a longer table, the first and last rows are shown
_LONGEST_NAME = 24


@dataclass(frozen=True)
class Diagnosis:
    """Why a network and its images do not fit, and what to do.

    Attributes:
        kind: `in_features`, `in_channels`, `flatten`, `batch`, `window`, `groups`, `norm`, `picture`, `branches`,
            `dtype`, `device`, `parameters`, `forward`, `output`, `num_classes`, `dimensions`, `width`, `channels`,
            `tuple`, `recursion`, `in_place`, `input_shape`, `constructor`, or `error` for any other exception.
        layer: The call that shows the mistake, as `layer_table` names it; None for the network as a whole.
        reason: The mistake.
        remedies: What to do; each is enough by itself, and the first is the most likely.
        wanted: What the layer expects, such as `400 features`.
        arrived: The input that it got.
        formula: The formula of the output size in question, with its numbers; empty if there is none.
        table: The rows of the calls before.
        heading: One sentence that names the network and the images.
        failed: Name and type of the layer that raised, for the table's last line; None if none did.
        place: The place in the user's code that raised, and its line; None if there is none.
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
    place: tuple[str, str] | None = None

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
        lines = [
            _wrapped(f"- {remedy}{note(remedy) if note else ''}", indent="  ") + _code(remedy)
            for remedy in self.remedies
        ]
        advice = "\n".join([head, *lines]) if lines else ""
        place = "{}:\n    {}".format(*self.place) if self.place else ""
        parts = [self.heading, self._table(), place, _wrapped(self.reason), advice]
        return "\n\n".join(part for part in parts if part)

    def _mark(self) -> str:
        """The mark of the table's row that shows the mistake."""
        if self.kind == "branches":
            return "<- its inputs do not match"
        if not self.wanted:
            return ""
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


def _code(remedy: str) -> str:
    """The lines of Python that belong to a remedy, below it."""
    code = remedy.code if isinstance(remedy, Remedy) else ""
    return f"\n\n{textwrap.indent(code.strip(), ' ' * 8)}\n" if code else ""


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"...{name[3 - _LONGEST_NAME :]}"


def _wrapped(text: str, indent: str = "") -> str:
    more = indent + ("  " if indent else "")
    lines = textwrap.TextWrapper(WIDTH, indent, more, break_on_hyphens=False, break_long_words=False)
    return lines.fill(text)
