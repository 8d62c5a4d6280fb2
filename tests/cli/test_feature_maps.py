"""A picture of the user's own is looked at by scripts/feature_maps.py."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from convboard.feature_maps.inspection import montage_source

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
Refused = Callable[..., str]
SCRIPT = "scripts/feature_maps.py"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo of a gradient, 60x40."""
    rows, columns = np.indices((40, 60))
    pixels = np.stack([rows * 6, columns * 4, rows + columns], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "cat.jpg")
    return tmp_path / "cat.jpg"


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def test_a_trained_run(run_command: RunCommand, finished: Path, photo: Path, tmp_path: Path) -> None:
    (events,) = finished.glob("*tfevents*")
    before = events.read_bytes()
    done = run_command(SCRIPT, "run=finished", "image=cat.jpg", "log=true")
    assert done.stderr == ""
    first, *lines = done.stdout.splitlines()
    assert first == "cat.jpg, 60x40 RGB → 1x32x32 grey, centre cropped"
    assert re.fullmatch(r"predicted: (\d \([<>]? ?[\d.]+ %\)(, )?){3}", lines[0])
    assert "conv1: 6 feature maps 28×28, kernels 5×5 over 1 channel" in lines
    assert "conv2: 16 feature maps 10×10, kernels 5×5 over 6 channels" in lines
    assert sum("it sees" in line for line in lines) == 6
    assert lines[-2:] == [
        "drawn: finished/feature_maps/cat.png",
        "look at it: tensorboard --logdir finished/feature_maps",
    ]
    assert montage_source(finished / "feature_maps/cat.png") == str(photo)
    written = EventAccumulator(str(finished / "feature_maps/cat")).Reload()
    tags = ["user_image/montage", "user_image/conv1", "user_image/conv2"]
    assert written.Tags()["images"] == tags
    size = size_of(finished / "feature_maps/cat.png")
    assert [(image.width, image.height) for image in written.Images(tags[0])] == [size]

    run_command(SCRIPT, "run=finished", "image=cat.jpg", "log=true", "layers=conv2")  # takes the place of the first
    assert [path.name for path in finished.glob("feature_maps/*.png")] == ["cat.png"]
    assert size_of(finished / "feature_maps/cat.png")[1] < size[1]

    assert list(finished.glob("*tfevents*")) == [events]
    assert events.read_bytes() == before
    resumed = run_command("train.py", "resume=finished", "trainer.max_epochs=2")
    assert "resumed after 1 epoch" in resumed.stdout


def test_an_untrained_network(run_command: RunCommand, photo: Path, tmp_path: Path) -> None:
    done = run_command(SCRIPT, "model=conv_demo", "image=cat.jpg", "layers=conv*", "channels=4", "top=2")
    assert done.stdout.splitlines()[0] == "cat.jpg, 60x40 RGB → 3x224x224 colour, centre cropped"
    assert "predicted" not in done.stdout
    assert "conv1: 16 feature maps 224×224, kernels 3×3 over 3 channels (4 of them shown)" in done.stdout
    assert "conv2: 8 feature maps 112×112, kernels 5×5 over 16 channels (4 of them shown)" in done.stdout
    assert size_of(tmp_path / "cat_conv_demo.png")[0] > 1000
    again = run_command(SCRIPT, "model=conv_demo", "seed=1", "input_shape=[1,20,30]", "image=cat.jpg", "out=a/b.png")
    assert again.stdout.splitlines()[0] == "cat.jpg, 60x40 RGB → 1x20x30 grey"
    assert (tmp_path / "a/b.png").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"cat.jpg", "cat_conv_demo.png", "a"}


def test_a_network_of_one_s_own(run_command: RunCommand, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "mynet.py").write_text(MYNET)
    given = "model._target_=mynet.MyNet", "model.width=4", "image=cat.jpg"
    assert "conv: 4 feature maps 222×222" in run_command(SCRIPT, *given).stdout
    assert (tmp_path / "cat_MyNet.png").is_file()
    assert "conv: 4 feature maps 26×26" in run_command(SCRIPT, *given, "dataset=digits").stdout


MYNET = """
from torch import nn

class MyNet(nn.Module):
    def __init__(self, in_channels, num_classes, width):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, width, kernel_size=3)
        self.classify = nn.LazyLinear(num_classes)

    def forward(self, images):
        return self.classify(self.conv(images).relu().flatten(1))
"""


def test_a_run_on_pictures_sees_them_as_in_training(run_command: RunCommand, photo: Path, tmp_path: Path) -> None:
    for label, grey in (("dark", 40), ("light", 200)):
        (tmp_path / "pictures" / label).mkdir(parents=True)
        for at in range(40):
            Image.new("L", (40, 30), grey + at).save(tmp_path / "pictures" / label / f"{at}.png")
    data = "dataset=image_folder", "dataset.path=pictures", "batch_size=16"
    run_command("train.py", "hydra.run.dir=run", *data, "trainer.max_epochs=1", "board=minimal")
    done = run_command(SCRIPT, "run=run", "image=pictures/dark/1.png")
    assert done.stdout.startswith("1.png, 40x30 L → 1x32x32 grey, centre cropped\n")
    assert re.search(r"^predicted: (dark|light) ", done.stdout, re.MULTILINE)
    (tmp_path / "pictures").rename(tmp_path / "my pictures")  # and the data can be found again
    again = run_command("scripts/evaluate.py", "run=run", "dataset.path='my pictures'", "data_dir=anywhere")
    assert again.stdout.endswith("The metrics equal those in result.json, to the last bit.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model=lenet"], "image is not set. Add image=<value>."),
        (
            ["model=lenet", "image=dog.jpg"],
            "image=dog.jpg is not there: give the path of a picture, such as a .jpg or .png file.",
        ),
        (["image=."], "image=. is a folder: give one picture, such as image=cat.jpg."),
        (["image=words.png"], "image=words.png is not a picture of a kind that can be read (JPEG, PNG, ...)."),
        (
            ["run=outputs", "image=cat.jpg"],
            "outputs is not there: a run directory has a config.yaml in it, such as those below outputs/.",
        ),
        (
            ["run=outputs", "model=lenet", "image=cat.jpg"],
            "model=lenet cannot be used with run=, which has a config of its own. Omit one of them.",
        ),
        (
            ["run=outputs", "input_shape=1x2x3", "image=cat.jpg"],
            "input_shape=1x2x3 cannot be used with run=, which has a config of its own. Omit one of them.",
        ),
        (["image=cat.jpg", "out=cat.jpg"], "out=cat.jpg: must be the name of a .png file."),
        (
            ["image=cat.jpg", "out=words.png"],
            "out=words.png is there already, and was not drawn by this command: choose another name.",
        ),
        (
            ["image=cat.jpg", "layers=conv3"],
            "layers=conv3: no conv layer is called that. Did you mean 'conv1'? Allowed: conv1, conv2.",
        ),
        (["image=cat.jpg", "seed=x"], "seed='x': must be a whole number."),
        (["image=cat.jpg", "log=perhaps"], "log='perhaps': must be true or false."),
        (
            ["image=cat.jpg", "modell=lenet"],
            "modell is not a known key. Did you mean 'model'? This script's own: image, run, layers, channels, top, ",
        ),
        (["image=cat.jpg", "model=lenett"], "model='lenett' is not known. Did you mean 'lenet'? Allowed: "),
    ],
    ids=str,
)
def test_a_mistake_is_one_message(
    arguments: list[str], message: str, refused: Refused, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "words.png").write_text("no picture")
    assert refused(*arguments, script=SCRIPT).startswith(message)


def test_help_says_what_it_takes(run_command: RunCommand) -> None:
    usage, about, config, arguments = run_command(SCRIPT, "--help").stdout.split("\n\n")
    assert "feature_maps.py image=... [run=null] [layers=*] [channels=16] [top=3]" in " ".join(usage.split())
    assert about.startswith("Draw what a network computes from a picture of your own")
    assert "model=conv_demo" in config
    assert len(re.findall(r"^  \w+=", arguments, re.MULTILINE)) == 11
