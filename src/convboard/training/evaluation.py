"""A split seen once by a network in eval mode."""

from itertools import islice

import torch
from torch import Tensor, nn

from convboard.data import Batches
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
    """Run `model` over the first `limit` batches (all, by default) and give it its mode back.

    The mean loss is over samples, whatever the batch size. A team's processes see a part of each batch, and all come
    to know the whole.
    """
    comm = comm or Communicator()
    was_training = model.training
    model.eval()
    logits: list[Tensor] = []
    labels: list[Tensor] = []
    places: list[Tensor] = []
    count = 0
    for batch in islice(batches.epoch(), limit):
        with comm.watched("an evaluation", "an evaluation"), plan.autocast():
            logits.append(model(batch.inputs()[0]).float()[: len(batch.labels)])
        labels.append(batch.labels)
        places.append(batch.indices)
        count += batch.size
    model.train(was_training)
    own = torch.cat(places)
    all_logits, all_labels = (comm.gather_rows(torch.cat(rows), own, count) for rows in (logits, labels))
    right = (all_logits.argmax(1) == all_labels).sum()
    mean_loss, accuracy = comm.broadcast_numbers([loss(all_logits, all_labels).item(), right.item() / count])
    return Evaluation(
        loss=mean_loss,
        accuracy=accuracy,
        logits=all_logits.cpu(),
        labels=all_labels.cpu(),
    )
