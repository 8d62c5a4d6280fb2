"""Communication between the processes that train one network together.

`Communicator` is for a single process: its methods return their arguments, and it does not import torch.
`process_group.DistributedCommunicator` is for one of several. `torchrun.communicator` returns the right one.
"""

import contextlib
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

    from convboard.training.execution_plan.plan import Plan

_NO_CONTEXT = contextlib.nullcontext()


class Communicator:
    """A single process.

    Attributes:
        rank: Number of this process, from 0.
        world_size: Number of processes.
    """

    rank = 0
    world_size = 1
    _on_activity: Callable[[str], None] | None = None

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files, the events and the terminal output: rank 0 does."""
        return self.rank == 0

    @property
    def is_ending(self) -> bool:
        """Whether the exit code of this process is already decided, so that a signal must not change it."""
        return False

    def broadcast(self, text: str) -> str:
        """Return the `text` of rank 0."""
        return text

    def barrier(self) -> None:
        """Wait until every process has called this."""

    def local_main_process_first(self) -> contextlib.AbstractContextManager[None]:
        """Return a context whose body the first process of each machine runs before the others of that machine."""
        return _NO_CONTEXT

    def main_process_first(self) -> contextlib.AbstractContextManager[None]:
        """Return a context whose body rank 0 runs before all others."""
        return _NO_CONTEXT

    def init_process_group(self, plan: "Plan", timeout: float) -> None:
        """Connect the processes.

        Args:
            plan: How they compute. Its device is a CPU, or a GPU of which each process of this machine has its own.
            timeout: Seconds without a heartbeat, or in one `watched` activity, after which a process counts as hung.
        """

    def seed_rank(self, seed: int) -> None:
        """Seed the random generators of each rank above 0 differently."""

    def wrap_model(self, model: "nn.Module", uses_all_weights: bool) -> "nn.Module":
        """Return the module to call in training steps, whose gradients are averaged over the processes.

        Args:
            model: The network.
            uses_all_weights: Whether every weight gets a gradient in every step.
        """
        return model

    def no_sync(self, model: "nn.Module") -> contextlib.AbstractContextManager[None]:
        """Return a context in which gradients are accumulated in each process and not averaged yet."""
        return _NO_CONTEXT

    def loss_weight(self, local_samples: int, samples: int) -> float:
        """Return the factor by which this process multiplies the mean loss of its part of a batch.

        With it, the averaged gradient is that of the mean loss over all samples of the step.

        Args:
            local_samples: Samples in this process's part.
            samples: Samples of the step in all processes.
        """
        return local_samples / samples

    def reduce_step(self, loss: "Tensor", correct: "Tensor") -> "tuple[Tensor, Tensor]":
        """Return the loss and the number of correct samples of a whole step, from this process's part of each."""
        return loss, correct

    def all_reduce_max_lagged(self, value: int) -> int:
        """Return the largest value that any process passed in its previous call, and pass on `value`.

        No process waits for the others in this call. After a result above 0, `value` is dropped. A single process gets
        its own `value` at once.
        """
        return value

    def all_reduce_max(self, value: int) -> int:
        """Return the largest `value` of all processes."""
        return value

    def broadcast_numbers(self, numbers: Sequence[float]) -> Sequence[float]:
        """Return the numbers of rank 0; every process passes equally many."""
        return numbers

    def broadcast_tensors(self, tensors: "Sequence[Tensor]") -> None:
        """Overwrite the tensors in place with those of rank 0, which have the same shapes."""

    def gather_rows(self, rows: "Tensor", indices: "Tensor", count: int) -> "Tensor":
        """Return the rows of all processes.

        Args:
            rows: Rows of this process, `[n, ...]`.
            indices: Index of each row in the result, int64 `[n]`.
            count: Number of rows of all processes together.

        Returns:
            The rows, `[count, ...]`.
        """
        return rows

    def gather_random_states(self, states: "dict[str, Tensor]") -> "dict[str, Tensor]":
        """Return the random states of all processes, uint8 `[bytes]` each.

        Those of rank 0 keep their names, and the others are called `rank/name`.
        """
        return states

    def local_random_states(self, states: "dict[str, Tensor]") -> "dict[str, Tensor]":
        """Return the states of this rank from those of `gather_random_states`; empty if the run had no such rank."""
        return {name: state for name, state in states.items() if "/" not in name}

    def watched(self, activity: str, kind: Hashable = None) -> contextlib.AbstractContextManager[None]:
        """Return a context in which a process that makes no progress counts as hung, which ends the run.

        Args:
            activity: Name for the message, such as `step 7`.
            kind: Activities of one kind take about the same time: the longest so far raises the time limit.
        """
        if self._on_activity is not None:
            self._on_activity(activity)
        return _NO_CONTEXT

    def report_activities(self, on_activity: Callable[[str], None]) -> None:
        """Call `on_activity` with the name of each `watched` activity when it begins, in a single process."""
        self._on_activity = on_activity

    def begin_waiting(self) -> None:
        """Note, within `watched`, that this process only waits for the others from here on."""

    def set_advice(self, advice: Callable[[], str]) -> None:
        """Set what is appended to the message when another process ends the run.

        Args:
            advice: Returns a sentence, or an empty string. It is called only then, perhaps in another thread.
        """

    def root_cause(self, error: BaseException) -> BaseException:
        """Return the failure of another process that led to `error`, as a RankError; otherwise `error` itself."""
        return error

    def report_failure(self, text: str, code: int) -> bool:
        """Tell the other processes that this one ends.

        Args:
            text: The reason.
            code: Exit code of this process.

        Returns:
            Whether this process has to print why the run ends.
        """
        return True

    def shutdown(self) -> None:
        """Wait for the others at the end of the command, so that torchrun sees all of them end successfully."""
