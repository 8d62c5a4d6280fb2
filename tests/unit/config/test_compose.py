"""A script's arguments that are those of train.py mean what they mean there."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import convboard
from convboard.cli.arguments import compose_beside, read_shape, read_shapes, split_arguments
from convboard.config.compose import compose_config
from convboard.errors import ConfigError


@dataclass
class Own:
    """A script's own arguments.

    Attributes:
        image: A text.
        top: A number.
    """

    image: str = "none"
    top: int = 3


def split(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[Own, list[str]]:
    monkeypatch.setattr(sys, "argv", ["script.py", *arguments])
    return split_arguments(Own, "layers")


def test_own_keys_are_read_and_the_others_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    own, others = split(monkeypatch, "model=lenet", "top=2", "+model.width=3", "image=a: b #1 *.jpg")
    assert own == Own("a: b #1 *.jpg", 2)
    assert others == ["model=lenet", "+model.width=3"]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (
            "imagee=3",
            "imagee is not a known key. Did you mean 'image'? This script's own: image, top. Beside them any key of "
            "train.py, such as model, dataset, model.in_channels, seed.",
        ),
        ("modle.width=3", "modle is not a known key. Did you mean 'model'? This script's own: image, top. Beside "),
        ("zzz=3", "zzz is not a known key. This script's own: image, top. Beside "),
        ("--image=a", "'--image=a' is not understood: write image=a, without dashes."),
        ("-m", "'-m' is not understood: write key=value, such as image=..., without dashes."),
        ("--lr=3", "'--lr=3' is not understood: write optimizer.lr=3, without dashes."),
        ("lenet", "'lenet' is not understood: give arguments as image=... top=..."),
        ("resume=outputs", "resume=outputs resumes the training of a run. To show a run, give run=<run dir>."),
        ("top=many", "top='many': must be a whole number."),
    ],
)
def test_what_is_not_understood(monkeypatch: pytest.MonkeyPatch, argument: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        split(monkeypatch, argument)
    assert str(raised.value).startswith(message)


def test_a_config_is_composed_as_for_training() -> None:
    composed = compose_config(["experiment=conv_demo", "seed=7", "trainer.max_epochs=2"])
    assert composed.config.model == {"_target_": "convboard.models.ConvDemo", "relu": True}
    assert (composed.config.dataset.name, composed.config.seed, composed.config.trainer.max_epochs) == ("cifar10", 7, 2)
    assert composed.given == {"experiment", "seed", "trainer.max_epochs"}


@pytest.mark.parametrize(
    ("overrides", "name", "has_dataset"),
    [
        ([], "lenet", False),
        (["model=conv_demo", "seed=1"], "conv_demo", False),
        (["model._target_=mynet.MyNet", "dataset=mnist"], "MyNet", True),
        (["dataset.image_size=64"], "lenet", True),
        (["experiment=resnet18"], "resnet18", True),
    ],
)
def test_what_was_chosen_is_known(overrides: list[str], name: str, has_dataset: bool) -> None:
    composed = compose_config(overrides)
    assert (composed.model_name, composed.has_dataset) == (name, has_dataset)


def test_a_class_of_one_s_own_leaves_the_option_s_arguments_behind() -> None:
    assert compose_config(["model._target_=mynet.MyNet"]).config.model == {"_target_": "mynet.MyNet"}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model=lenet,conv_demo", "model=lenet,conv_demo gives several values: give one."),
        ("seed=-1", "seed=-1: must be at least 0."),
        ("dataset=image_folder", "dataset.path is not set: "),
    ],
)
def test_values_are_checked(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        compose_config([override])
    assert str(raised.value).startswith(message)


def test_a_run_has_a_config_of_its_own() -> None:
    assert compose_beside("outputs/run", []) is None
    composed = compose_beside(None, ["seed=7"], ["input_shape=3x4x4"])
    assert composed is not None
    assert composed.config.seed == 7
    for given, useless in ((["seed=7"], ["input_shape=3x4x4"]), ([], ["seed=7"])):
        with pytest.raises(ConfigError, match=r"^seed=7 cannot be used with run="):
            compose_beside("outputs/run", given, useless)


@pytest.mark.parametrize("text", ["[3,224,200]", "3,224,200", "3x224x200", "(3, 224, 200)"])
def test_a_shape_is_read(text: str) -> None:
    assert read_shape(text) == (3, 224, 200)
    assert read_shape(None) is None


@pytest.mark.parametrize("text", ["224", "[3,224]", "[3,0,5]", "[a,b,c]", "[1,2,3,4]"])
def test_what_is_no_shape(text: str) -> None:
    with pytest.raises(ConfigError, match="give channels, height and width"):
        read_shape(text)


def test_compose_gives_the_config_of_a_run() -> None:
    config = convboard.compose("model=lenet", "optimizer.lr=0.01", "trainer.max_epochs=3")
    assert (config.optimizer["lr"], config.trainer.max_epochs) == (0.01, 3)
    assert config.model["_target_"] == "convboard.models.LeNet"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model=lenett", "model='lenett' is not known. Did you mean 'lenet'?"),
        ("batch_size=0", "batch_size=0: must be at least 1."),
        ("optimiser.lr=1", "optimiser is not a known key. Did you mean 'optimizer'?"),
        ("model=3", "model=3: choose one of conf/model by its name, as in model=<name>."),
        ("=3", "'=3' is not understood: write key=value"),
    ],
)
def test_compose_says_what_is_wrong(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        convboard.compose(override)


@pytest.mark.parametrize("option", ["net", "net.py", "net.Net"])
def test_a_class_of_ones_own_is_no_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text("raise AssertionError\nclass Net: ...\n")
    with pytest.raises(ConfigError) as raised:
        convboard.compose(f"model={option}")
    assert str(raised.value) == f"model={option!r} is not known. For a class of your own write model._target_=net.Net."


def test_a_new_run_directory() -> None:
    run_dir = compose_config(["model=conv_mlp", "dataset=mnist"]).run_dir
    assert run_dir.parent == Path("outputs/mnist/conv_mlp")
    assert compose_config(["hydra.run.dir=here"]).run_dir == Path("here")
    for path, name in (("flowers", "flowers"), ("'/a b/my cats'", "my_cats"), (".", Path.cwd().name)):
        run_dir = compose_config(["dataset=image_folder", f"dataset.path={path}"]).run_dir
        assert run_dir.parent == Path(f"outputs/image_folder-{name}/lenet")


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("[[3,224,200],[5]]", [(5,)]),
        ("[(3,224,200),(5,)]", [(5,)]),
        ("[3,224,200],[5]", [(5,)]),
        ("[[3, 224, 200], [1, 224, 200], []]", [(1, 224, 200), ()]),
        ("3x224x200,5", [(5,)]),
        ("3x224x200,3x224x200", [(3, 224, 200)]),
        ("3,224x200", []),
        ("[3,224,200]", []),
    ],
)
def test_the_shapes_of_several_inputs(text: str, others: list[tuple[int, ...]]) -> None:
    assert read_shapes(text) == ((3, 224, 200), others)
    assert read_shapes(None) == (None, [])


@pytest.mark.parametrize(
    "text",
    ["[[3,224],[5]]", "[[3,8,8],[0]]", "[[3,8,8],[x]]", "[[3,8,8],[5],7]", "3x8x8,x", "3,8,8,5", ""],
)
def test_what_are_no_shapes(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^input_shape=.*: give channels, height and width"):
        read_shapes(text)
