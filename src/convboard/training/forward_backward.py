"""Forward and backward pass of a training step over one batch, run by torch or replayed from a CUDA graph."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from convboard.data.batches import Batch
from convboard.errors import ModelError
from convboard.training.execution_plan.plan import Plan
from convboard.training.seeding import preserved_random_state, random_state

Record = Callable[[Callable[[], None]], Callable[[], None]]


class CudaGraphError(ModelError):
    """The network cannot be recorded as a CUDA graph."""


class ForwardBackward:
    """Forward pass, loss and backward pass without a CUDA graph.

    Args:
        model: The network, already placed by `plan`.
        loss: Mean loss of (logits, labels).
        plan: The plan of the computation.
        before_backward: Called between the two passes.
    """

    def __init__(
        self, model: nn.Module, loss: nn.Module, plan: Plan, before_backward: Callable[[], None] | None = None
    ) -> None:
        self._before_backward = before_backward
        self._forward = plan.forward(model)
        self._loss = loss
        self._plan = plan

    def __call__(self, batch: Batch, weight: float | Tensor = 1.0) -> tuple[Tensor, Tensor]:
        """Add to the gradients of the network.

        Args:
            batch: Images `[N, C, H, W]` and labels `[N]`.
            weight: Factor by which the mean loss of the batch is multiplied in the loss of the step.

        Returns:
            The weighted loss and the number of correctly classified images, both 0-dimensional.
        """
        images, labels = batch.inputs()
        with self._plan.autocast():
            logits = self._forward(images)
            loss: Tensor = self._loss(logits, labels)
        if isinstance(weight, Tensor) or weight != 1.0:
            loss = loss * weight
        if self._before_backward is not None:
            self._before_backward()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach(), (logits.detach()[: len(batch.labels)].argmax(1) == batch.labels).sum()


def record_cuda_graph(function: Callable[[], None]) -> Callable[[], None]:
    """Record the kernels that `function` launches on the current GPU, and return a function that replays them.

    `function` is first called three times on another stream, as torch requires, so that libraries choose their kernels.
    Each replay draws new random numbers, because torch's generator takes part in the recording.
    """
    other = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    other.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(other):
        for _ in range(3):
            function()
    torch.cuda.current_stream().wait_stream(other)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        function()
    return graph.replay


class RecordedForwardBackward:
    """The same passes, replayed from a CUDA graph for batches of one size; smaller batches are computed without it.

    The gradients must stay in the same memory between two steps: they are to be set to zero, not to None. A replay runs
    no Python: a network that draws random numbers on the host would use those of its recording in every step.

    Args:
        model: The network. Recording does not change its buffers.
        passes: The passes to record.
        device: The device of the network.
        record: Calls a function any number of times, and returns a function that repeats it.
    """

    def __init__(
        self, model: nn.Module, passes: ForwardBackward, device: torch.device, record: Record = record_cuda_graph
    ) -> None:
        self._model = model
        self._passes = passes
        self._device = device
        self._record = record
        self._batch: Batch | None = None  # input of a replay
        self._weight = torch.ones((), device=device)
        self._loss = torch.zeros((), device=device)  # outputs of a replay
        self._correct = torch.zeros((), device=device, dtype=torch.int64)

    def __call__(self, batch: Batch, weight: float = 1.0) -> tuple[Tensor, Tensor]:
        """See `ForwardBackward`; the tensors returned are not overwritten later.

        Raises:
            CudaGraphError: The network draws random numbers on the host.
        """
        if self._batch is None or len(batch.labels) > len(self._batch.labels):
            self._begin(batch)
        assert self._batch is not None
        if len(batch.labels) < len(self._batch.labels):
            return self._passes(batch, weight)
        self._batch.images.copy_(batch.images)
        self._batch.labels.copy_(batch.labels)
        self._weight.fill_(weight)
        self._replay()
        return self._loss.clone(), self._correct.clone()

    def _begin(self, batch: Batch) -> None:
        """Record the passes for batches like this one, and restore everything that recording changes."""
        self._batch = Batch(batch.images.clone(), batch.labels.clone(), batch.indices.clone(), batch.whole)
        weights = list(self._model.parameters())
        gradients = [None if weight.grad is None else weight.grad.clone() for weight in weights]
        buffers = [buffer.clone() for buffer in self._model.buffers()]
        with preserved_random_state(self._device):
            before = self._host_state()
            self._replay = self._record(self._run)
            if any(not torch.equal(state, before.get(name, state)) for name, state in self._host_state().items()):
                raise CudaGraphError(
                    "The network draws random numbers with Python, with NumPy or on the CPU, and a recorded CUDA graph "
                    "would repeat those of its first step for ever. Draw them on the GPU, as in torch.rand(2, "
                    "device=x.device), or train without a CUDA graph."
                )
        with torch.no_grad():
            for buffer, saved in zip(self._model.buffers(), buffers, strict=True):
                buffer.copy_(saved)
            for weight, gradient in zip(weights, gradients, strict=True):
                if weight.grad is not None:
                    weight.grad.zero_() if gradient is None else weight.grad.copy_(gradient)

    def _host_state(self) -> dict[str, Tensor]:
        """States of the random generators that a replay does not use: all but that of the device."""
        state = random_state(torch.device("cpu"))
        return {name: value for name, value in state.items() if name != self._device.type}

    def _run(self) -> None:
        assert self._batch is not None
        loss, correct = self._passes(self._batch, self._weight)
        self._loss.copy_(loss)
        self._correct.copy_(correct)
