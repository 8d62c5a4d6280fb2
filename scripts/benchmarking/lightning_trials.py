"""LeNet on MNIST as lightning-hydra-template trains it: `python lightning_trials.py DATA_DIR FOLDER TRIALS BATCHES`.

A LightningModule with torchmetrics, torchvision's dataset and transforms, a DataLoader without workers, a validation
after the epoch, a checkpoint, TensorBoard's logger, and a test at the end; one run after the other in one process, as
that template sweeps. It needs Lightning, and nothing of convboard.
"""

import json
import sys
import time

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, random_split
from torchmetrics.classification import MulticlassAccuracy
from torchvision import transforms
from torchvision.datasets import MNIST

BATCH = 64


def lenet() -> nn.Sequential:
    """The network of conf/model/lenet.yaml."""
    features = [nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)]
    scores = [nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    return nn.Sequential(*features, nn.Flatten(), *scores)


class Classifier(lightning.LightningModule):  # type: ignore[misc]
    """Trains a network to classify."""

    def __init__(self) -> None:
        super().__init__()
        self.network, self.loss = lenet(), nn.CrossEntropyLoss()
        self.accuracies = nn.ModuleDict({f"of_{name}": MulticlassAccuracy(10) for name in ("train", "val", "test")})

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        """See Lightning."""
        return self._step(batch, "train")

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        """See Lightning."""
        self._step(batch, "val")

    def test_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        """See Lightning."""
        self._step(batch, "test")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """See Lightning."""
        return torch.optim.SGD(self.parameters(), lr=0.02, momentum=0.9, nesterov=True, weight_decay=0.0005)

    def _step(self, batch: tuple[Tensor, Tensor], split: str) -> Tensor:
        images, labels = batch
        scores = self.network(images)
        loss: Tensor = self.loss(scores, labels)
        accuracy = self.accuracies[f"of_{split}"]
        accuracy(scores, labels)
        self.log(f"{split}/loss", loss, on_step=False, on_epoch=True, prog_bar=True)
        self.log(f"{split}/accuracy", accuracy, on_step=False, on_epoch=True, prog_bar=True)
        return loss


def main(data_dir: str, folder: str, trials: str, batches: str) -> None:
    """Train, and print when each run ended and how long it took."""
    steps = transforms.Compose([transforms.Pad(2), transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    for seed in range(int(trials)):
        began = time.perf_counter()
        lightning.seed_everything(seed)
        images = MNIST(data_dir, train=True, transform=steps)
        train, val = random_split(images, [55_000, 5_000])
        test = MNIST(data_dir, train=False, transform=steps)
        trainer = lightning.Trainer(
            accelerator="cpu",
            max_epochs=1,
            default_root_dir=folder,
            logger=TensorBoardLogger(folder),
            callbacks=[ModelCheckpoint(monitor="val/accuracy", mode="max", save_last=True)],
            **({f"limit_{split}_batches": int(batches) for split in ("train", "val", "test")} if int(batches) else {}),
        )
        model = Classifier()
        trainer.fit(model, DataLoader(train, BATCH, shuffle=True), DataLoader(val, BATCH))
        trainer.test(model, DataLoader(test, BATCH), ckpt_path="best", weights_only=False)
        print(json.dumps([time.time(), time.perf_counter() - began]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
