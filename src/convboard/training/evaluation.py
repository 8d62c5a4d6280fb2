"""A split seen once by a network in eval mode."""

from itertools import islice

import torch
from torch import Tensor, nn

from convboard.data import Batches
from convboard.training.observer import Evaluation
from convboard.training.plan import Plan


@torch.no_grad()
def evaluate(model: nn.Module, batches: Batches, loss: nn.Module, plan: Plan, limit: int | None = None) -> Evaluation:
    """Run `model` over the first `limit` batches (all, by default) and give it its mode back.

    The mean loss is over samples, whatever the batch size.
    """
    was_training = model.training
    model.eval()
    logits: list[Tensor] = []
    labels: list[Tensor] = []
    for batch in islice(batches.epoch(), limit):
        with plan.autocast():
            logits.append(model(batch.images).float())
        labels.append(batch.labels)
    model.train(was_training)
    all_logits, all_labels = torch.cat(logits), torch.cat(labels)
    right = (all_logits.argmax(1) == all_labels).sum()
    return Evaluation(
        loss=loss(all_logits, all_labels).item(),
        accuracy=right.item() / len(all_labels),
        logits=all_logits.cpu(),
        labels=all_labels.cpu(),
    )
