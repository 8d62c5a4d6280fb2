"""A warning: a mistake that no error shows. It imports nothing, so that whoever reports it needs no more."""

from dataclasses import dataclass

CONSTANT_WEIGHTS = "constant weights"  # the word of weights that are all zero, also after the first steps


@dataclass(frozen=True)
class TrainingWarning:
    """A mistake because of which a network trains badly, or not at all, without any error.

    Attributes:
        word: The mistake in one or two words.
        reason: The mistake and its effect.
        remedy: What to do.
        layer: The call that shows it, as `layer_table` names it; None for the network as a whole.
        is_harmless: Whether training is as good as without it.
    """

    word: str
    reason: str
    remedy: str
    layer: str | None = None
    is_harmless: bool = False

    def __str__(self) -> str:
        """Return the mistake and the remedy."""
        return f"{self.reason} {self.remedy}"
