"""The communicator of one of several processes that torchrun started.

DistributedDataParallel averages the gradients, over gloo on a CPU and NCCL on GPUs.
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

from convboard.training.distributed.rendezvous import StoreCommunicator
from convboard.training.distributed.sync_batchnorm import LocalPart, convert_sync_batchnorm
from convboard.training.distributed.watchdog import WatchSettings
from convboard.training.execution_plan.other_load import core_count
from convboard.training.execution_plan.plan import Plan
from convboard.training.seeding import seed_everything

_NO_TIMEOUT = timedelta(days=100)  # of collectives: the watchdog finds hung processes


def join() -> "DistributedCommunicator":
    """Connect to the store that torchrun's environment variables name."""
    store, rank, world_size = next(iter(rendezvous("env://")))
    if os.environ.get("OMP_NUM_THREADS") == "1":  # torchrun's default on any machine
        processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        torch.set_num_threads(max(1, core_count() // processes))
    return DistributedCommunicator(store, rank, world_size)


class DistributedCommunicator(StoreCommunicator):
    """One of several processes that train together.

    Args:
        store: The key-value store of all processes.
        rank: Number of this process.
        world_size: Number of processes.
    """

    def __init__(self, store: Store, rank: int, world_size: int) -> None:
        super().__init__(store, rank, world_size)
        self._part = LocalPart(self._all_reduce_in_pass)
        self._device = torch.device("cpu")
        self._pending: tuple[Tensor, dist.Work] | None = None  # the reduction of `all_reduce_max_lagged`
        self._wrapped: DistributedDataParallel | None = None

    def init_process_group(self, plan: Plan, timeout: float) -> None:
        """See `Communicator`."""
        assert plan.device.type in ("cpu", "cuda"), plan.device
        assert not plan.cuda_graph, "a step of several processes cannot be recorded"
        if plan.device.type == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        self._device = plan.device
        self._watchdog.settings = WatchSettings(timeout, plan.compile)
        if not dist.is_initialized():
            backend = "cpu:gloo,cuda:nccl" if plan.device.type == "cuda" else "gloo"
            dist.init_process_group(
                backend, store=self._store, rank=self.rank, world_size=self.world_size, timeout=_NO_TIMEOUT
            )

    def seed_rank(self, seed: int) -> None:
        """See `Communicator`."""
        if not self.is_main:
            seed_everything(random.Random(f"{seed} {self.rank}").getrandbits(63))

    def wrap_model(self, model: nn.Module, uses_all_weights: bool) -> nn.Module:
        """See `Communicator`. Afterwards BatchNorm computes the statistics of the whole batch."""
        convert_sync_batchnorm(model, self._part, self._device)
        self._wrapped = DistributedDataParallel(model, find_unused_parameters=not uses_all_weights)
        return self._wrapped

    def no_sync(self, model: nn.Module) -> contextlib.AbstractContextManager[None]:
        """See `Communicator`."""
        no_sync: contextlib.AbstractContextManager[None] = model.no_sync()  # type: ignore[operator]
        return no_sync

    def loss_weight(self, local_samples: int, samples: int) -> float:
        """See `Communicator`. DistributedDataParallel averages over processes, whose numbers of samples may differ."""
        self._part.has_samples = local_samples > 0
        return local_samples * self.world_size / samples

    def reduce_step(self, loss: Tensor, correct: Tensor) -> tuple[Tensor, Tensor]:
        """See `Communicator`."""
        both = torch.stack([loss / self.world_size, correct.to(loss.dtype)])  # whole numbers are exact up to 2^24
        dist.all_reduce(both)
        return both[0], both[1].long()

    def all_reduce_max_lagged(self, value: int) -> int:
        """See `Communicator`."""
        pending, self._pending = self._pending, None
        if pending is not None:
            values, work = pending
            work.wait()
            if values.item():
                return int(values.item())
        values = torch.tensor(value)
        self._pending = values, dist.all_reduce(values, dist.ReduceOp.MAX, async_op=True)
        return 0

    def all_reduce_max(self, value: int) -> int:
        """See `Communicator`."""
        values = torch.tensor(value)
        dist.all_reduce(values, dist.ReduceOp.MAX)
        return int(values.item())

    def broadcast_numbers(self, numbers: Sequence[float]) -> Sequence[float]:
        """See `Communicator`."""
        values = torch.tensor(numbers, dtype=torch.float64)
        dist.broadcast(values, src=0)
        return list(values.tolist())

    def broadcast_tensors(self, tensors: Sequence[Tensor]) -> None:
        """See `Communicator`."""
        for tensor in tensors:
            contiguous = tensor.contiguous()
            dist.broadcast(contiguous, src=0)
            tensor.copy_(contiguous)

    def gather_rows(self, rows: Tensor, indices: Tensor, count: int) -> Tensor:
        """See `Communicator`."""
        all_rows = rows.new_zeros(count, *rows.shape[1:])
        all_rows[indices] = rows
        dist.all_reduce(all_rows)
        return all_rows

    def gather_random_states(self, states: dict[str, Tensor]) -> dict[str, Tensor]:
        """See `Communicator`."""
        own = json.dumps({name: bytes(state.tolist()).hex() for name, state in states.items()}).encode()
        # Not `all_gather_object`: it unpickles data of other processes, which can execute code.
        lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.world_size)]
        dist.all_gather(lengths, torch.tensor([len(own)]))
        longest = max(int(length) for length in lengths)
        padded = torch.frombuffer(bytearray(own.ljust(longest)), dtype=torch.uint8)
        gathered = [torch.empty_like(padded) for _ in range(self.world_size)]
        dist.all_gather(gathered, padded)
        others = {rank: json.loads(bytes(content.tolist())) for rank, content in enumerate(gathered) if rank}
        return states | {
            f"{rank}/{name}": torch.frombuffer(bytearray.fromhex(state), dtype=torch.uint8)
            for rank, content in others.items()
            for name, state in content.items()
        }

    def local_random_states(self, states: dict[str, Tensor]) -> dict[str, Tensor]:
        """See `Communicator`."""
        if self.is_main:
            return super().local_random_states(states)
        start = f"{self.rank}/"
        return {name.removeprefix(start): state for name, state in states.items() if name.startswith(start)}

    def begin_waiting(self) -> None:
        """See `Communicator`; a backward pass without synchronisation does not wait."""
        if self._wrapped is None or self._wrapped.require_backward_grad_sync:
            super().begin_waiting()

    def _all_reduce_in_pass(self, tensor: Tensor) -> None:
        """Sum a tensor over all processes within a forward or backward pass."""
        worked = self._works
        self._set_waiting(True)
        dist.all_reduce(tensor)
        self._set_waiting(not worked)

    def shutdown(self) -> None:
        """See `Communicator`."""
        super().shutdown()
        if dist.is_initialized():
            dist.destroy_process_group()
