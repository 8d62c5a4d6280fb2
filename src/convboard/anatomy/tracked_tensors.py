"""What is known of the tensors of a run, call by call: where they come from, and what trackers compute for them."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from convboard.anatomy.function_call import FunctionCall, tensors_in
from convboard.anatomy.provenance import Provenance, Provenances, parameters_of, version_of
from convboard.anatomy.trace import Tracker


class TrackedTensors:
    """The provenances of the tensors of a run, and its trackers.

    Trackers forget a tensor whose provenance becomes unknown. If a tracker raises, the provenance is unknown too.

    Args:
        images: What the network is called with.
        trackers: The trackers.
        sees_operations: Whether `provenances.note_operation` is called.

    Attributes:
        provenances: Where the tensors come from.
    """

    def __init__(self, images: Tensor, trackers: Sequence[Tracker], sees_operations: bool) -> None:
        self._trackers = trackers
        self.provenances = Provenances(images, self._forget, sees_operations)

    def values(self, tensor: Tensor) -> tuple[Any, ...]:
        """Return what each tracker has computed for a tensor."""
        return tuple(tracker.value(tensor) for tracker in self._trackers)

    def follow(
        self, function: FunctionCall, returned: Any, call: str | None, provenances: Sequence[Provenance]
    ) -> None:
        """Tell the trackers what a function returned, and remember where this comes from.

        Args:
            function: The function.
            returned: What it returned.
            call: Name of the call that it belongs to; None if it is not recorded.
            provenances: Those of its arguments.
        """
        is_known = self._try_each(lambda tracker: tracker.update(function, returned))
        is_known &= all(provenance.is_known for provenance in provenances)
        names = [provenance.name for provenance in provenances if provenance.name]
        name = (call or names[0]) if names else None
        parameters = () if name else parameters_of(provenances)
        for tensor in tensors_in(returned):
            self.provenances.set(
                tensor, Provenance(name, version_of(tensor), function.is_of_images, is_known, parameters)
            )

    def follow_writes(self, written: list[Tensor], returned: Any) -> None:
        """Tell the trackers which tensors were written to: all tensors that share their memory have changed too."""
        results = {id(tensor) for tensor in tensors_in(returned)}
        for tensor in written:
            if id(tensor) not in results:  # such as the running statistics of a normalisation
                self.provenances.set(tensor, Provenance(None, version_of(tensor)))
                continue
            provenance, sharing = self.provenances.of(tensor), self.provenances.sharing(tensor)
            is_known = provenance.is_known and self._try_each(
                lambda tracker, tensor=tensor, sharing=sharing: tracker.invalidate(tensor, sharing)  # type: ignore[misc]
            )
            for other in sharing:
                self.provenances.set(other, self._after_a_write(other, provenance._replace(is_known=is_known)))

    def _after_a_write(self, tensor: Tensor, new: Provenance) -> Provenance:
        """The provenance of a tensor that shares its memory with one of provenance `new`, which was written to."""
        before = self.provenances.before_a_write(tensor)
        return new._replace(
            version=version_of(tensor),
            is_of_images=new.is_of_images or before.is_of_images,
            is_known=new.is_known and before.is_known,
        )

    def _try_each(self, handle: Callable[[Tracker], None]) -> bool:
        """Call each tracker; return False if one raised, so that what it did not compute is unknown."""
        is_known = True
        for tracker in self._trackers:
            try:
                handle(tracker)
            except Exception:  # any: no figure is worth the user's run
                is_known = False
        return is_known

    def _forget(self, tensor: Tensor) -> None:
        for tracker in self._trackers:
            tracker.forget(tensor)
