"""A team of several processes, as torchrun starts them.

Gradients are averaged by DistributedDataParallel, over gloo on a CPU and NCCL on GPUs. Who fails is found by `watch`,
so that the collectives' own time limits, which know nothing of a checkpoint being saved, are put away.
"""

import contextlib
import json
import os
import random
from collections.abc import Sequence
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import Store
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from convboard.errors import ConfigError
from convboard.training.distributed.rendezvous import StoreCommunicator
from convboard.training.distributed.sync_batchnorm import Share, convert_sync_batchnorm
from convboard.training.execution_plan.plan import Plan
from convboard.training.seeding import seed_everything

_NEVER = timedelta(days=100)


def join() -> "DistributedCommunicator":
    """Meet the other processes at the store that torchrun tells of in the environment."""
    store, rank, size = next(iter(rendezvous("env://")))
    if os.environ.get("OMP_NUM_THREADS") == "1":  # torchrun's default, whatever the machine has
        here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        torch.set_num_threads(max(1, cores // here))
    return DistributedCommunicator(store, rank, size)


class DistributedCommunicator(StoreCommunicator):
    """One of several processes, which bring together what they compute.

    Args:
        store: Where they leave each other notes.
        rank: This process's number.
        size: How many there are.
    """

    def __init__(self, store: Store, rank: int, size: int) -> None:
        super().__init__(store, rank, size)
        self._share = Share(self._add_up)
        self._device = torch.device("cpu")
        self._vote: tuple[Tensor, dist.Work] | None = None
        self._joined: DistributedDataParallel | None = None

    def init_process_group(self, plan: Plan, seconds: float) -> None:
        """See `Communicator`."""
        device = plan.device
        if plan.cuda_graph:
            raise ConfigError("trainer.cuda_graph=true: a step of several processes cannot be recorded. Leave it away.")
        here, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), torch.cuda.device_count()
        if device.type == "cuda":
            if here > gpus:
                raise ConfigError(
                    f"torchrun started {here} processes on a machine with {gpus} GPUs, and each needs one of its own: "
                    f"set --nproc-per-node {gpus}, or trainer.device=cpu."
                )
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        elif device.type != "cpu":
            raise ConfigError(f"{device.type} cannot be shared by several processes: set trainer.device=cpu.")
        self._device = device
        self._watch.seconds = seconds
        self.compiles = plan.compile
        if not dist.is_initialized():
            backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
            dist.init_process_group(backend, store=self._store, rank=self.rank, world_size=self.size, timeout=_NEVER)

    def seed_rank(self, seed: int) -> None:
        """See `Communicator`."""
        if not self.is_main:
            seed_everything(random.Random(f"{seed} {self.rank}").getrandbits(63))

    def wrap_model(self, model: nn.Module, uses_all: bool) -> nn.Module:
        """See `Communicator`; BatchNorm takes the statistics of the whole batch from here on."""
        convert_sync_batchnorm(model, self._share, self._device)
        self._joined = DistributedDataParallel(model, find_unused_parameters=not uses_all)
        return self._joined

    def no_sync(self, model: nn.Module) -> contextlib.AbstractContextManager[None]:
        """See `Communicator`."""
        no_sync: contextlib.AbstractContextManager[None] = model.no_sync()  # type: ignore[operator]
        return no_sync

    def loss_weight(self, here: int, everywhere: int) -> float:
        """See `Communicator`: DistributedDataParallel takes the mean over processes, however many samples each has."""
        self._share.counts = here > 0
        return here * self.size / everywhere

    def reduce_step(self, loss: Tensor, correct: Tensor) -> tuple[Tensor, Tensor]:
        """See `Communicator`."""
        both = torch.stack([loss / self.size, correct.to(loss.dtype)])  # whole numbers are exact up to 2^24
        dist.all_reduce(both)
        return both[0], both[1].long()

    def all_reduce_max_lagged(self, wish: int) -> int:
        """See `Communicator`: what all learn is what was wished at the step before, so that no step waits for it."""
        before, self._vote = self._vote, None
        if before is not None:
            votes, work = before
            work.wait()
            if votes.item():
                return int(votes.item())
        votes = torch.tensor(wish)
        self._vote = votes, dist.all_reduce(votes, dist.ReduceOp.MAX, async_op=True)
        return 0

    def all_reduce_max(self, wish: int) -> int:
        """See `Communicator`."""
        votes = torch.tensor(wish)
        dist.all_reduce(votes, dist.ReduceOp.MAX)
        return int(votes.item())

    def broadcast_numbers(self, numbers: Sequence[float]) -> Sequence[float]:
        """See `Communicator`."""
        told = torch.tensor(numbers, dtype=torch.float64)
        dist.broadcast(told, src=0)
        return list(told.tolist())

    def broadcast_tensors(self, tensors: Sequence[Tensor]) -> None:
        """See `Communicator`."""
        for tensor in tensors:
            contiguous = tensor.contiguous()
            dist.broadcast(contiguous, src=0)
            tensor.copy_(contiguous)

    def gather_rows(self, rows: Tensor, places: Tensor, count: int) -> Tensor:
        """See `Communicator`."""
        rows_of_all = rows.new_zeros(count, *rows.shape[1:])
        rows_of_all[places] = rows
        dist.all_reduce(rows_of_all)
        return rows_of_all

    def gather_random_states(self, states: dict[str, Tensor]) -> dict[str, Tensor]:
        """See `Communicator`."""
        own = json.dumps({name: bytes(state.tolist()).hex() for name, state in states.items()}).encode()
        lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        dist.all_gather(lengths, torch.tensor([len(own)]))
        longest = max(int(length) for length in lengths)
        padded = torch.frombuffer(bytearray(own.ljust(longest)), dtype=torch.uint8)
        everyone = [torch.empty_like(padded) for _ in range(self.size)]
        dist.all_gather(everyone, padded)
        others = {rank: json.loads(bytes(told.tolist())) for rank, told in enumerate(everyone) if rank}
        return states | {
            f"{rank}/{name}": torch.frombuffer(bytearray.fromhex(state), dtype=torch.uint8)
            for rank, told in others.items()
            for name, state in told.items()
        }

    def own_random_states(self, states: dict[str, Tensor]) -> dict[str, Tensor]:
        """See `Communicator`."""
        if self.is_main:
            return super().own_random_states(states)
        start = f"{self.rank}/"
        return {name.removeprefix(start): state for name, state in states.items() if name.startswith(start)}

    def begin_waiting(self) -> None:
        """See `Communicator`."""
        if self._joined is None or self._joined.require_backward_grad_sync:
            super().begin_waiting()

    def _add_up(self, tensor: Tensor) -> None:
        """Sum a tensor over all processes in the midst of a pass."""
        worked = self._works
        self._set_waiting(True)
        dist.all_reduce(tensor)
        self._set_waiting(not worked)

    def shutdown(self) -> None:
        """See `Communicator`."""
        self._ends = True
        self.barrier()
        self._watch.say_no_more()
        self._watch.leave()
        if dist.is_initialized():
            dist.destroy_process_group()
