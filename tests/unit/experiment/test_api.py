"""Training from Python."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import convboard

SHORT: dict[str, Any] = {"max_epochs": 1, "limit_train_batches": 2, "board": "minimal", "batch_size": 32}


class Net(nn.Module):
    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, 4, kernel_size=3)
        self.classify = nn.Linear(4, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.conv(images).relu().mean((2, 3))
        scores: Tensor = self.classify(features)
        return scores


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_name_and_keys_make_the_run_that_the_command_would_make() -> None:
    result = convboard.train("lenet", "digits", "model.image_size=28", lr=0.01, seed=3, optimizer="adamw", **SHORT)
    assert result.run_dir.parent == Path("outputs/digits/lenet")
    config = convboard.load_run(result.run_dir).config
    assert config == convboard.compose(
        *("model=lenet", "model.image_size=28", "optimizer=adamw", "optimizer.lr=0.01", "seed=3", "batch_size=32"),
        *("trainer.max_epochs=1", "trainer.limit_train_batches=2", "board=minimal"),
    )


def test_a_class_is_built_for_the_data() -> None:
    result = convboard.train(Net, run_dir="run", **SHORT)
    assert result.run_dir == Path("run")
    run = convboard.load_run("run")
    assert run.config.model == {"_target_": f"{Net.__module__}.Net"}


def test_a_network_is_trained_in_place_and_holds_the_best_weights() -> None:
    model = Net(1, 10)
    before = model.conv.weight.clone()
    convboard.train(model, run_dir="run", **SHORT)
    assert not torch.equal(model.conv.weight, before)
    best = convboard.load_run("run").best_checkpoint
    from safetensors.torch import load_file

    saved = next(value for name, value in load_file(best).items() if name.endswith("conv.weight"))
    assert torch.equal(saved, model.conv.weight)


def test_lazy_layers_of_a_network_take_their_shapes_from_the_data() -> None:
    model = nn.Sequential(nn.LazyConv2d(4, kernel_size=5, stride=4), nn.Flatten(), nn.LazyLinear(10))
    convboard.train(model, run_dir="run", **SHORT)
    assert model[2].in_features == 4 * 6 * 6


def test_a_run_is_trained_for_longer() -> None:
    convboard.train("batchnorm_cnn", run_dir="run", **SHORT)
    assert convboard.resume("run", max_epochs=2).epochs == 2
    with pytest.raises(convboard.ConfigError, match=r"^max_epochs=1 is fewer than the run has trained already"):
        convboard.resume("run", max_epochs=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_epoch": 3}, "max_epoch is not an argument of train. Did you mean 'max_epochs'?"),
        ({"max_epochs": 0}, "max_epochs=0: must be at least 1."),
        ({"batch_size": "x"}, "batch_size='x': must be a whole number."),
        ({"batch_size": 10**6}, "batch_size=1000000: must be at most 1297"),
        ({"lr": -1}, "lr=-1: must be a finite number, 0 or above."),
        ({"dataset": "mnis"}, "dataset='mnis' is not known. Did you mean 'mnist'?"),
        ({"dataset": "image_folder"}, "path is not set: dataset=image_folder needs the folder"),
        ({"model": "lenett"}, "model='lenett' is not known. Did you mean 'lenet'?"),
        ({"model": 3}, "model=3: must be a name, a class derived from nn.Module, or a network."),
        (
            {"model": type("Inner", (nn.Module,), {"__qualname__": "f.<locals>.Inner"})},
            "model=Inner: the class is defined",
        ),
        ({"model": Net(3, 10)}, "Net does not fit images of 1x28x28"),
        ({"image_size": 3}, "  - give it images of 16x16 or more (image_size=16)\n"),
    ],
    ids=str,
)
def test_errors_speak_of_python_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(convboard.ConvboardError, match=re.escape(message)) as caught:
        convboard.train(**arguments)
    for word in ("trainer.", "optimizer.", "dataset.", "hydra", "--"):
        assert word not in str(caught.value)


def test_a_directory_that_holds_a_run_is_refused_in_terms_of_python() -> None:
    convboard.train("batchnorm_cnn", run_dir="run", **SHORT)
    with pytest.raises(convboard.RunError) as caught:
        convboard.train("batchnorm_cnn", run_dir="run", **SHORT)
    assert str(caught.value) == (
        'run already contains a run, and runs are never overwritten. Resume it with convboard.resume("run"), or choose '
        "another directory with run_dir=<folder>."
    )


def test_predictions_for_an_image_and_for_a_folder(make_picture: Any, tmp_path: Path) -> None:
    convboard.train("batchnorm_cnn", run_dir="run", **SHORT)
    run = convboard.load_run("run")
    for name, shade in (("b.png", 200), ("a.png", 20), ("deeper/c.jpg", 90)):
        (tmp_path / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
        make_picture(tmp_path / "pictures" / name, "L", (40, 30), shade)
    found = run.predict("pictures")
    assert [prediction.path.name for prediction in found] == ["a.png", "b.png", "c.jpg"]
    for prediction in found:
        assert prediction.label == max(prediction.probabilities, key=lambda name: prediction.probabilities[name])
        assert prediction.probability == prediction.probabilities[prediction.label]
        assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert set(prediction.probabilities) == set("0123456789")
    assert run.predict("pictures/b.png") == [found[1]]
    assert run.predict("pictures/b.png", invert=True) != [found[1]]
    (tmp_path / "none").mkdir()
    with pytest.raises(convboard.DataError, match="none holds no image"):
        run.predict("none")
