"""Small training setups for tests: random images and labels, and any network."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from convboard.config.groups import TrainerConfig
from convboard.data.batches import Batches
from convboard.data.dataset import ImageShape, Split
from convboard.training.execution_plan.plan import Plan
from convboard.training.schedules import Constant
from convboard.training.training_setup import Splits, TrainingSetup

CPU = torch.device("cpu")


def make_splits(images: int = 50, batch_size: int = 16, shape: ImageShape = (1, 8, 8)) -> Splits:
    """Random images in two classes, the darker and the brighter half; 20 each to validate and test."""
    generator = torch.Generator().manual_seed(0)

    def batches(count: int, **more: Any) -> Batches:
        pixels = torch.randint(0, 256, (count, *shape), generator=generator, dtype=torch.uint8)
        split = Split(pixels, (pixels.float().mean((1, 2, 3)) > 127).long())
        mean, std = [0.5] * shape[0], [0.3] * shape[0]
        return Batches(split, mean=mean, std=std, device=CPU, batch_size=min(batch_size, count), **more)

    return Splits(batches(images, shuffle=True), batches(20), batches(20))


def make_setup(
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    limits: TrainerConfig | None = None,
    splits: Splits | None = None,
    **changes: Any,
) -> TrainingSetup:
    """A run of `model` on the CPU."""
    limits = limits or TrainerConfig(max_epochs=1)
    parts: dict[str, Any] = {
        "model": model,
        "optimizer": optimizer or torch.optim.SGD(model.parameters(), lr=0.1),
        "schedule": Constant(),
        "loss": nn.CrossEntropyLoss(),
        "splits": splits or make_splits(),
        "plan": Plan(CPU),
        "plan_options": limits,
        "limits": limits,
        "checkpoints": Path("checkpoints"),
    }
    return TrainingSetup(**{**parts, **changes})
