from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from google.protobuf import text_format  # type: ignore[import-untyped]
from PIL import Image
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
from torch import nn

from convboard.board.projector import NotApplicable, hidden_features, write_projector
from convboard.data.dataset import ImageDataset
from convboard.data.normalisation import Normalisation

CPU = torch.device("cpu")


def normaliser(dataset: ImageDataset) -> Normalisation:
    return Normalisation(dataset.mean, dataset.std, torch.device("cpu"))


@pytest.fixture
def model() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(144, 7), nn.ReLU(), nn.Linear(7, 3))


def test_features_are_what_the_last_linear_layer_is_given(model: nn.Sequential) -> None:
    images = torch.rand(5, 1, 12, 12)
    features, logits = hidden_features(model, images)
    assert torch.equal(features, model[:3](images))
    assert torch.equal(logits, model(images))


def test_the_files_are_there_and_name_one_another(dataset: ImageDataset, model: nn.Module, tmp_path: Path) -> None:
    for _ in range(2):
        write_projector(tmp_path, dataset, model, CPU)
    config = text_format.Parse((tmp_path / "projector_config.pbtxt").read_text(), ProjectorConfig())
    (embedding,) = config.embeddings
    vectors = np.loadtxt(tmp_path / embedding.tensor_path, delimiter="\t")
    expected, logits = hidden_features(model, normaliser(dataset)(dataset.val.images))
    np.testing.assert_allclose(vectors, expected, rtol=1e-4)
    head, *rows = (line.split("\t") for line in (tmp_path / embedding.metadata_path).read_text().splitlines())
    assert head == ["true", "predicted", "right/wrong"]
    predicted = logits.argmax(dim=1)
    true, said, result = zip(*rows, strict=True)
    assert list(true) == [dataset.class_names[label] for label in dataset.val.labels]
    assert list(said) == [dataset.class_names[label] for label in predicted]
    assert [word == "right" for word in result] == (predicted == dataset.val.labels).tolist()
    assert set(result) == {"right", "wrong"}
    assert list(embedding.sprite.single_image_dim) == [12, 12]
    with Image.open(tmp_path / embedding.sprite.image_path) as sheet:
        pixels = np.asarray(sheet)
    assert pixels.shape == (6 * 12, 6 * 12)  # 30 images, in as many columns as rows
    np.testing.assert_array_equal(pixels[12:24, 24:36], dataset.val.images[8, 0])


def test_at_most_a_thousand_small_images_go_in(make_dataset: Callable[..., ImageDataset], tmp_path: Path) -> None:
    dataset = make_dataset(channels=3, val=1100)
    write_projector(tmp_path, dataset, nn.Sequential(nn.Flatten(), nn.Linear(432, 3)), CPU)
    assert len((tmp_path / "projector/vectors.tsv").read_text().splitlines()) == 1000


class Idle(nn.Conv2d):
    """Has a linear layer, and leaves it out."""

    def __init__(self) -> None:
        super().__init__(1, 3, 3)
        self.unused = nn.Linear(2, 2)


@pytest.mark.parametrize("model", [nn.Conv2d(1, 3, 3), Idle()], ids=["none", "unused"])
def test_a_network_in_which_no_linear_layer_runs_has_no_projector(
    dataset: ImageDataset, model: nn.Module, tmp_path: Path
) -> None:
    with pytest.raises(NotApplicable, match="no linear layer runs in this network"):
        write_projector(tmp_path, dataset, model, CPU)
    assert not list(tmp_path.iterdir())
