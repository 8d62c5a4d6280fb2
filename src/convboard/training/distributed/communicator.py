"""The processes that train one network together: this one alone, or as many as torchrun has started.

What a run does differently with several processes, it asks its `Communicator`. Here is that of one process, for which
nothing is different and nothing is imported; that of several is in `process_group`.
"""

import contextlib
import functools
import os
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

    from convboard.training.execution_plan.plan import Plan

_NOTHING = contextlib.nullcontext()


class Communicator:
    """One process: the first of one.

    Attributes:
        rank: This process's number, from 0.
        size: How many processes there are.
    """

    rank = 0
    size = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes: files, events and the terminal."""
        return self.rank == 0

    @property
    def is_ending(self) -> bool:
        """Whether it is known already how this process ends, so that no signal can change it."""
        return False

    def broadcast(self, text: str) -> str:
        """What the first process says in `text`."""
        return text

    def barrier(self) -> None:
        """Wait until all have come here."""

    def local_main_first(self) -> contextlib.AbstractContextManager[None]:
        """Within, the first process of each machine goes ahead, and the others follow when it is through."""
        return _NOTHING

    def main_process_first(self) -> contextlib.AbstractContextManager[None]:
        """The same for the first process of all."""
        return _NOTHING

    def init_process_group(self, plan: "Plan", seconds: float) -> None:
        """Connect the processes.

        Args:
            plan: Where and how they compute.
            seconds: How long one of them may keep the others waiting in what is `watched`.

        Raises:
            ConfigError: They cannot train together by that plan.
        """

    def seed_rank(self, seed: int) -> None:
        """Give each process random numbers of its own; those of the first stay as they are."""

    def wrap_model(self, model: "nn.Module", uses_all: bool) -> "nn.Module":
        """The network as its training passes are to call it, so that gradients become those of all processes.

        Args:
            model: The network.
            uses_all: Whether every weight in it gets a gradient in each step.
        """
        return model

    def no_sync(self, model: "nn.Module") -> contextlib.AbstractContextManager[None]:
        """Within, gradients stay in each process: further ones are added before they are brought together."""
        return _NOTHING

    def loss_weight(self, here: int, everywhere: int) -> float:
        """Factor of a mean loss over `here` samples so that the gradient is that of the mean over `everywhere`."""
        return here / everywhere

    def reduce_step(self, loss: "Tensor", correct: "Tensor") -> "tuple[Tensor, Tensor]":
        """A step's loss and number of right samples, from the share that each process has in them."""
        return loss, correct

    def all_reduce_max_lagged(self, wish: int) -> int:
        """Say at each step what this process wishes, and learn the greatest wish, at the same step in all; 0: none."""
        return wish

    def all_reduce_max(self, wish: int) -> int:
        """The greatest wish of all, at once; where the same is asked at every step, `wish` does not wait for it."""
        return wish

    def broadcast_numbers(self, numbers: Sequence[float]) -> Sequence[float]:
        """The numbers as the first process has them."""
        return numbers

    def broadcast_tensors(self, tensors: "Sequence[Tensor]") -> None:
        """Overwrite tensors by those of the first process."""

    def gather_rows(self, rows: "Tensor", places: "Tensor", count: int) -> "Tensor":
        """Rows of all processes, each at its place among `count`."""
        return rows

    def gather_random_states(self, states: "dict[str, Tensor]") -> "dict[str, Tensor]":
        """The random states of all processes, by names that `own_random_states` knows."""
        return states

    def own_random_states(self, states: "dict[str, Tensor]") -> "dict[str, Tensor]":
        """Of the random states of all processes those of this one; none where it took no part then."""
        return {name: state for name, state in states.items() if "/" not in name}

    def watched(self, doing: str, kind: Hashable = None) -> contextlib.AbstractContextManager[None]:
        """Within, a process that comes no further is taken to hang, and the run ends.

        Args:
            doing: What, for the message.
            kind: Of the same kind is what takes about as long: the longest so far sets how long it may take.
        """
        return _NOTHING

    def begin_waiting(self) -> None:
        """Within `watched`: from here on this process waits for the others, and may be kept waiting by them."""

    def set_advice(self, advice: Callable[[], str]) -> None:
        """Have people told what to do when another process ends the run.

        Args:
            advice: Gives a sentence, or nothing; called only then, perhaps in another thread.
        """

    def root_cause(self, error: BaseException) -> BaseException:
        """Why the run ends: `error`, or what happened in another process before it."""
        return error

    def report_failure(self, text: str, code: int) -> bool:
        """Tell the others that this process ends.

        Args:
            text: Why, in words for people.
            code: Its exit code.

        Returns:
            Whether it falls to this process to say so in the terminal.
        """
        return True

    def shutdown(self) -> None:
        """Wait for the others at the end of the command, so that torchrun finds all ended alike."""


@functools.cache
def communicator() -> Communicator:
    """The team that this process belongs to; torchrun tells of it in the environment."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or "RANK" not in os.environ:
        return Communicator()
    from convboard.training.distributed.process_group import join

    return join()
