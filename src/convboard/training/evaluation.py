"""Evaluation of a network on a split."""

from itertools import islice

import torch
from torch import Tensor, nn

from convboard.data.batches import Batches
from convboard.training.callbacks import Evaluation
from convboard.training.distributed.communicator import Communicator
from convboard.training.execution_plan.plan import Plan


@torch.no_grad()
def evaluate(
    model: nn.Module,
    batches: Batches,
    loss: nn.Module,
    plan: Plan,
    limit: int | None = None,
    comm: Communicator | None = None,
) -> Evaluation:
    """Evaluate `model` in eval mode, and restore its mode.

    The mean loss is over samples and does not depend on the batch size.

    Args:
        model: The network, already placed by `plan`.
        batches: The split.
        loss: Mean loss of (logits, labels).
        plan: The plan of the computation.
        limit: Number of batches to evaluate, from the start; None for all.
        comm: The processes that evaluate together. Each computes its part of every batch and gets the whole result.
    """
    comm = comm or Communicator()
    was_training = model.training
    model.eval()
    logits: list[Tensor] = []
    labels: list[Tensor] = []
    indices: list[Tensor] = []
    count = 0
    for batch in islice(batches.epoch(), limit):
        with comm.watched("an evaluation", "an evaluation"), plan.autocast():
            logits.append(model(batch.inputs()[0]).float()[: len(batch.labels)])
        labels.append(batch.labels)
        indices.append(batch.indices)
        count += batch.size
    model.train(was_training)
    own_indices = torch.cat(indices)
    all_logits, all_labels = (comm.gather_rows(torch.cat(rows), own_indices, count) for rows in (logits, labels))
    correct = (all_logits.argmax(1) == all_labels).sum()
    mean_loss, accuracy = comm.broadcast_numbers([loss(all_logits, all_labels).item(), correct.item() / count])
    return Evaluation(mean_loss, accuracy, all_logits.cpu(), all_labels.cpu())
