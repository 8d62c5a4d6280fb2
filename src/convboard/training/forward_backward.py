"""The passes of a training step over one batch, forward and backward: computed anew, or recorded once and replayed."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from convboard.data import Batch
from convboard.errors import ModelError
from convboard.training.execution_plan.plan import Plan
from convboard.training.seeding import random_numbers_kept, random_state

Record = Callable[[Callable[[], None]], Callable[[], None]]


class ForwardBackward:
    """Forward, loss and backward, as torch computes them.

    Args:
        model: The network, already placed by `plan`.
        loss: Mean loss of (logits, labels).
        plan: Where and how to compute.
        before_backward: Called between the passes.
    """

    def __init__(
        self, model: nn.Module, loss: nn.Module, plan: Plan, before_backward: Callable[[], None] | None = None
    ) -> None:
        self._before_backward = before_backward
        self._forward = plan.forward(model)
        self._loss = loss
        self._plan = plan

    def __call__(self, batch: Batch, share: float | Tensor = 1.0) -> tuple[Tensor, Tensor]:
        """Add to the gradients of the weights.

        Args:
            batch: The images and labels.
            share: What the mean loss of this batch counts for in the step's.

        Returns:
            Its share of the loss, and how many images are classified right; both 0-dimensional.
        """
        images, labels = batch.inputs()
        with self._plan.autocast():
            logits = self._forward(images)
            loss: Tensor = self._loss(logits, labels)
        if isinstance(share, Tensor) or share != 1.0:
            loss = loss * share
        if self._before_backward is not None:
            self._before_backward()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach(), (logits.detach()[: len(batch.labels)].argmax(1) == batch.labels).sum()


def record_cuda_graph(function: Callable[[], None]) -> Callable[[], None]:
    """Record what `function` launches on the current GPU; gives what launches all of it again at once.

    It is first called three times on another stream, as torch asks for: libraries choose their kernels then. Random
    numbers are drawn anew in each replay, for torch's generator knows of the recording.
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
    """The same passes, recorded for batches of one size and replayed; batches that are smaller are computed anew.

    The gradients must stay where they are between two steps: they are to be zeroed, not dropped. No Python runs in a
    replay: what the network decides by random numbers of the host would be decided once for all.

    Args:
        model: The network, whose buffers recording leaves as they were.
        passes: What to record.
        device: Where.
        record: Calls a function as often as it likes and gives what repeats it.
    """

    def __init__(
        self, model: nn.Module, passes: ForwardBackward, device: torch.device, record: Record = record_cuda_graph
    ) -> None:
        self._model = model
        self._passes = passes
        self._device = device
        self._record = record
        self._batch: Batch | None = None  # what a replay reads
        self._share = torch.ones((), device=device)
        self._loss = torch.zeros((), device=device)  # what a replay writes
        self._correct = torch.zeros((), device=device, dtype=torch.int64)

    def __call__(self, batch: Batch, share: float = 1.0) -> tuple[Tensor, Tensor]:
        """See `ForwardBackward`; what is given is never written to again."""
        if self._batch is None or len(batch.labels) > len(self._batch.labels):
            self._begin(batch)
        assert self._batch is not None
        if len(batch.labels) < len(self._batch.labels):
            return self._passes(batch, share)
        self._batch.images.copy_(batch.images)
        self._batch.labels.copy_(batch.labels)
        self._share.fill_(share)
        self._replay()
        return self._loss.clone(), self._correct.clone()

    def _begin(self, batch: Batch) -> None:
        """Record the passes of batches like this one, and leave no trace of it in the run."""
        self._batch = Batch(batch.images.clone(), batch.labels.clone(), batch.indices.clone(), batch.whole)
        weights = list(self._model.parameters())
        gradients = [None if weight.grad is None else weight.grad.clone() for weight in weights]
        buffers = [buffer.clone() for buffer in self._model.buffers()]
        with random_numbers_kept(self._device):
            drawn = self._host_state()
            self._replay = self._record(self._run)
            if any(not torch.equal(state, drawn.get(name, state)) for name, state in self._host_state().items()):
                raise ModelError(
                    "The network draws random numbers with Python, with NumPy or on the CPU, and a recorded CUDA graph "
                    "would repeat those of its first step for ever. Draw them on the GPU, as in torch.rand(2, "
                    "device=x.device), or set trainer.cuda_graph=false."
                )
        with torch.no_grad():
            for buffer, before in zip(self._model.buffers(), buffers, strict=True):
                buffer.copy_(before)
            for weight, gradient in zip(weights, gradients, strict=True):
                if weight.grad is not None:
                    weight.grad.zero_() if gradient is None else weight.grad.copy_(gradient)

    def _host_state(self) -> dict[str, Tensor]:
        """The random numbers that a replay does not draw: those of the device alone are part of what is recorded."""
        state = random_state(torch.device("cpu"))
        return {name: value for name, value in state.items() if name != self._device.type}

    def _run(self) -> None:
        assert self._batch is not None
        loss, correct = self._passes(self._batch, self._share)
        self._loss.copy_(loss)
        self._correct.copy_(correct)
