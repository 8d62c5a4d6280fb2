"""Where the tensors of a run come from, as far as it can be seen.

What a tensor is made from is known for the images, for all that was there before the network ran, and for what a
function that is seen made of them. Compiled scripts, `vmap` and NumPy are not seen: what they return is unknown, if it
may come from the images, and so is all that is made of it.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn

from convboard.anatomy.function_call import FunctionCall, tensors_in
from convboard.anatomy.function_names import words
from convboard.anatomy.held_tensors import tensors_held_by
from convboard.anatomy.operations import is_operation, is_same
from convboard.anatomy.tensor_map import StorageMap, TensorMap
from convboard.anatomy.trace import INPUT, UNKNOWN, Tracker

# Functions that return the values of a tensor as numbers, an array or an address.
_READING = words("array complex data_ptr dlpack float item numpy storage tolist untyped_storage")
# Functions whose result depends on a number among their arguments as on a tensor.
_COMPUTING_WITH_NUMBERS = words(
    """
    add as_tensor asarray clamp clip div divide fill float_power floor_divide fmod full full_like iadd idiv imul isub
    itruediv lerp masked_fill mod mul multiply new_full new_tensor pow radd rdiv remainder rmul rpow rsub rtruediv
    scalar_tensor setitem sub subtract tensor true_divide truediv where
    """
)


class Provenance(NamedTuple):
    """Where a tensor comes from.

    Attributes:
        name: Of the call that returned it, `input` for the images, `input:2` for a second input, `unknown` for what
            may come from anywhere; None for what comes neither from an input nor from a layer.
        version: How often it had been written to in place then.
        is_of_images: Whether it depends on the images.
        is_known: Whether all that it is made from has been seen.
        parameters: The parameters that it is made from, if it has no name.
    """

    name: str | None
    version: int
    is_of_images: bool = False
    is_known: bool = True
    parameters: tuple[nn.Parameter, ...] = ()


class Provenances:
    """The provenances of the tensors of a run.

    Args:
        images: What the network is called with.
        forget: Is called with each tensor that has become unknown.
        sees_operations: Whether `note_operation` is called.

    Attributes:
        has_unseen: Whether a tensor was met that no function seen has made.
    """

    def __init__(self, images: Tensor, forget: Callable[[Tensor], None], sees_operations: bool) -> None:
        self.has_unseen = False
        self._sees_operations = sees_operations
        self._forget = forget
        self._provenances: StorageMap[Provenance] = StorageMap()
        self._provenances[images] = Provenance(INPUT, version_of(images), is_of_images=True)
        self._is_of_images: TensorMap[bool] = TensorMap()  # results of operations, which need not have been seen
        self._constants: dict[int, Tensor] = {}  # the tensors that were there before the network ran, by id
        self._are_values_read = False  # whether values that depend on the images have been made into numbers

    def begin(self, model: nn.Module) -> None:
        """Remember the tensors that are there before the network runs: they are constants.

        If operations are not seen, only the buffers are: others are rare, and to find them takes time.
        """
        tensors = tensors_held_by(model) if self._sees_operations else model.buffers()
        self._constants = {id(tensor): tensor for tensor in tensors}

    def name_inputs(self, others: Sequence[Tensor]) -> None:
        """Name what the network is called with besides the images, from which it does not come."""
        for number, tensor in enumerate(others, 2):
            self.set(tensor, Provenance(f"{INPUT}:{number}", version_of(tensor)))

    def of(self, tensor: Tensor) -> Provenance:
        """Return where a tensor comes from."""
        provenance, version = self._provenances.get(tensor), version_of(tensor)
        if provenance is not None and provenance.version == version:
            return provenance
        is_constant = provenance is None and not self._may_be_of_images(tensor)
        if is_constant and isinstance(tensor, nn.Parameter):
            return Provenance(None, version, parameters=(tensor,))
        self.has_unseen |= id(tensor) not in self._constants
        if is_constant:
            provenance = Provenance(None, version)
        else:  # it was made, or written to, out of sight
            provenance = Provenance(UNKNOWN, version, is_of_images=True, is_known=False)
        self.set(tensor, provenance)
        return provenance

    def set(self, tensor: Tensor, provenance: Provenance) -> None:
        """Say where a tensor comes from."""
        self._provenances[tensor] = provenance
        if not provenance.is_known:
            self._forget(tensor)

    def sharing(self, tensor: Tensor) -> list[Tensor]:
        """Return the other tensors seen that share the memory of a tensor."""
        return [other for other in self._provenances.sharing(tensor) if other is not tensor]

    def before_a_write(self, tensor: Tensor) -> Provenance:
        """Return where a tensor came from before it was written to."""
        return self._provenances.get(tensor) or self.of(tensor)

    def out_of_sight(self, function: FunctionCall) -> list[Provenance]:
        """Return an unknown provenance if a function does what is not seen, or is given numbers from the images."""
        is_given_numbers = (
            self._are_values_read
            and function.name in _COMPUTING_WITH_NUMBERS
            and _has_numbers((function.args, tuple(function.kwargs.values())))
        )
        is_not_seen = is_operation(function.function) and not is_same(function) and self._is_given_images(function)
        return [Provenance(UNKNOWN, 0, is_of_images=True, is_known=False)] if is_given_numbers or is_not_seen else []

    def note_reading(self, function: FunctionCall) -> None:
        """Note a function that returned no tensor: it may have read values that depend on the images."""
        if function.name in _READING and self._is_given_images(function):
            self._are_values_read = True

    def note_operation(self, args: Any, result: Any) -> None:
        """Note an operation, which a script or `vmap` may have called out of sight.

        So what these return can be told from constants that were made without any operation.

        Args:
            args: All of its arguments.
            result: What it returned.
        """
        if any(self._may_be_of_images(tensor) for tensor in tensors_in(args)):
            for tensor in tensors_in(result):
                self._is_of_images[tensor] = True

    def _is_given_images(self, function: FunctionCall) -> bool:
        return any(self.of(tensor).is_of_images for tensor in function.sources)

    def _may_be_of_images(self, tensor: Tensor) -> bool:
        provenance = self._provenances.get(tensor)
        if provenance is not None:
            return provenance.is_of_images
        if tensor in self._is_of_images:
            return True
        is_out_of_sight = (
            not self._sees_operations or self._are_values_read or tensor.device.type != "cpu"
        )  # fused kernels call no operations
        return is_out_of_sight and id(tensor) not in self._constants and not isinstance(tensor, nn.Parameter)


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


def version_of(tensor: Tensor) -> int:
    """Return how often a tensor has been written to in place; 0 where torch does not count."""
    try:
        return tensor._version
    except RuntimeError:  # a tensor of torch.inference_mode
        return 0


def parameters_of(provenances: Sequence[Provenance]) -> tuple[nn.Parameter, ...]:
    """Return the parameters that tensors of these provenances are made from."""
    return tuple(parameter for provenance in provenances for parameter in provenance.parameters)


def _has_numbers(value: Any) -> bool:
    """Whether there is a number that is no integer, or an array, in nested tuples and lists."""
    if isinstance(value, (tuple, list)):
        return any(map(_has_numbers, value))
    return isinstance(value, (float, complex)) or (hasattr(value, "__array__") and not isinstance(value, Tensor))
