"""Training from Python."""

import importlib
import os
import pickle
import pkgutil
import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

import convboard
from convboard.anatomy.check import check_fit
from convboard.anatomy.diagnostics.diagnosis import DiagnosedError
from convboard.config.conf_folders import CONF
from convboard.errors import ConvboardError
from convboard.experiment.resume import resume_overrides, resumed_config
from convboard.training.progress import ProgressDisplay
from convboard.training.schedules import Cosine

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
        f"data_dir={Path('data').absolute()}",
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
        ({"lr": -1}, "lr=-1: must be a finite number, 0 or above."),
        ({"dataset": "mnis"}, "dataset='mnis' is neither the name of a data set nor a folder. Did you mean 'mnist'?"),
        ({"dataset": "no/where"}, "no/where does not exist. Give a folder that holds a folder of pictures for each"),
        ({"dataset": Path("nowhere")}, "nowhere does not exist. Give a folder that holds a folder of pictures"),
        ({"dataset": "image_folder"}, "path is not set: dataset=image_folder needs the folder"),
        ({"model": "lenett"}, "model='lenett' is not known. Did you mean 'lenet'?"),
        ({"epochs": 3}, "epochs is not an argument of train. Did you mean 'max_epochs'?"),
        ({"learning_rate": 3}, "learning_rate is not an argument of train. Did you mean 'lr'?"),
        ({"loss": nn.MSELoss()}, "loss=MSELoss(): must be a text, a number, true or false, a list, or None."),
        (
            {"optimizer": torch.optim.Adam([nn.Parameter(torch.zeros(1))])},
            "optimizer=Adam(...): give its name or its class, because a run builds its own: optimizer=Adam. Its arg",
        ),
        (
            {"optimizer": type("Mine", (torch.optim.Adam,), {"__qualname__": "f.<locals>.Mine"})},
            "optimizer=Mine: the class is defined inside a function, where a run cannot find it. Define it at the top "
            "level of a module or notebook.",
        ),
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
    for word in ("trainer.", "dataset.", "hydra", "--"):
        assert word not in str(caught.value)


def test_an_optimizer_and_a_schedule_can_be_classes() -> None:
    numbers: dict[str, Any] = {"lr": torch.tensor(0.01), "weight_decay": np.float64(0.1)}
    convboard.train(optimizer=torch.optim.Adam, scheduler=Cosine, run_dir="run", **numbers, **SHORT)
    config = convboard.load_run("run").config
    assert config.optimizer == {"_target_": "torch.optim.Adam", "lr": pytest.approx(0.01), "weight_decay": 0.1}
    assert config.scheduler == {"_target_": "convboard.training.schedules.Cosine"}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["optimizer.momentumm=1"], "optimizer.momentumm is not an argument of torch.optim.SGD. Did you mean 'moment"),
        (["model.width=1"], "model.width is not an argument of convboard.models.LeNet. Allowed: image_size, in_chann"),
        (["scheduler._target_=nowhere.Cosine"], "scheduler._target_='nowhere.Cosine': there is no module 'nowhere'"),
    ],
)
def test_compose_checks_the_arguments_of_classes(overrides: list[str], message: str) -> None:
    with pytest.raises(convboard.ConfigError, match=re.escape(message)):
        convboard.compose(*overrides)


@pytest.mark.parametrize(
    ("model", "call"),
    [(Net, 'convboard.resume("my run", trust=True)'), (Net(1, 10), 'convboard.resume("my run", model=network)')],
)
def test_the_call_that_resumes_a_run_has_all_that_it_needs(model: Any, call: str) -> None:
    convboard.train(model, run_dir="my run", **SHORT)
    with pytest.raises(convboard.RunError, match=re.escape(f"Resume it with {call}, or choose another directory")):
        convboard.train(model, run_dir="my run", **SHORT)


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
    with pytest.raises(convboard.DataError, match=r"^none holds no image"):
        run.predict("none")
    with pytest.raises(convboard.DataError, match=r"^nope.png is not there: give the path of a picture"):
        run.predict("nope.png")


def errors() -> Iterator[ConvboardError]:
    """One error of each class."""
    modules = pkgutil.walk_packages(convboard.__path__, "convboard.")
    for module in modules:
        if not module.name.startswith("convboard.plugins") and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    kinds = [ConvboardError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    needs: dict[str, tuple[Any, ...]] = {
        "RankError": ("text", 3),
        "MissingFilesError": ("text", "remedy"),
        "JobError": ("text", 3),
        "UnreadableError": (Path("a.jpg"), "reason"),
        "OtherFolderError": ("text", Path("folder")),
        "InputsError": ("text", [(1, 28, 28)], ["image"]),
    }
    for kind in kinds:
        if kind is DiagnosedError:
            with pytest.raises(DiagnosedError) as caught:
                check_fit(Net(3, 10), (1, 28, 28), 10)
            yield caught.value
        else:
            yield kind(*needs.get(kind.__name__, ("text",)))


def test_every_error_can_be_pickled_and_copied_with_another_message() -> None:
    for error in errors():
        error.arguments = ("path",)
        again = pickle.loads(pickle.dumps(error))
        changed = error.with_message("else")
        assert (str(again), str(changed)) == (str(error), "else")
        for copy in (again, changed):
            assert type(copy) is type(error)
            assert copy.__dict__.keys() == error.__dict__.keys()
            assert copy.arguments == ("path",)


def test_a_preset_keeps_its_network_and_its_data(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []
    monkeypatch.setattr("convboard.experiment.run.run", lambda config, run_dir, model: trained.append(config))
    for preset in sorted((CONF / "experiment").glob("*.yaml")):
        convboard.train(experiment=preset.stem)
        chosen = re.search(r"/dataset: (\w+)", preset.read_text())
        assert chosen is not None
        assert trained[-1].dataset.name == chosen[1]
    convboard.train(experiment="mnist_99")
    assert trained[-1] == convboard.compose("experiment=mnist_99")
    convboard.train("resnet18", experiment="mnist_99")
    assert (trained[-1].model["_target_"], trained[-1].dataset.name) == ("convboard.models.resnet18", "mnist")


def test_a_config_that_resumes_is_refused_by_all_but_resume() -> None:
    convboard.train("batchnorm_cnn", run_dir="run", **SHORT)
    before = (Path("run/result.json").read_bytes(), Path("run/config.yaml").read_bytes())
    config = replace(convboard.load_run("run").config, seed=7, resume="run")
    message = r"^config.resume='run': run trains new runs only. Use convboard.resume\(\"run\"\)\.$"
    with pytest.raises(convboard.ConfigError, match=message):
        convboard.run(config, "run")
    with pytest.raises(convboard.ConfigError, match=message):
        convboard.train("batchnorm_cnn", "digits", "resume=run", run_dir="run")
    assert before == (Path("run/result.json").read_bytes(), Path("run/config.yaml").read_bytes())


def test_the_config_of_a_run_trains_the_same_run_again() -> None:
    result = convboard.train("batchnorm_cnn", run_dir="run", **SHORT)
    finished = convboard.load_run("run")
    again = convboard.run(finished.config, "again")
    assert again.metrics == result.metrics
    assert convboard.load_run("again").config == finished.config


def test_a_run_of_a_class_is_resumed_and_used_if_it_is_trusted(make_picture: Any) -> None:
    convboard.train(Net, run_dir="run", **SHORT)
    run = convboard.load_run("run")
    message = "building it runs that code. If you trust it, say so: trust=True."
    for refused in (lambda: convboard.resume("run"), run.model, lambda: convboard.evaluate_run(run)):
        with pytest.raises(convboard.RunError, match=re.escape(message)):
            refused()
    assert convboard.resume("run", 2, trust=True).epochs == 2
    assert convboard.resume("run", 3, model=Net(1, 10)).epochs == 3
    assert resume_overrides(Path("run")) == ["resume=run", f"model._target_={Net.__module__}.Net"]
    run = convboard.load_run("run")
    picture = make_picture(Path("a.png").absolute(), "L", (28, 28), 200)
    assert run.predict("a.png", trust=True) == run.predict("a.png", model=Net(1, 10)), picture


def test_a_run_of_a_network_goes_on_with_another_of_the_same_architecture(make_picture: Any) -> None:
    def network() -> nn.Module:
        return nn.Sequential(nn.LazyConv2d(4, kernel_size=5, stride=4), nn.Flatten(), nn.LazyLinear(10))

    first = network()
    convboard.train(first, run_dir="run", **SHORT)
    run = convboard.load_run("run")
    given = "run was trained with a network that was given from Python (torch.nn.modules.container.Sequential), so it "
    for refused, call in (
        (lambda: convboard.resume("run", trust=True), 'convboard.resume("run", model=network)'),
        (lambda: run.model(trust=True), 'convboard.load_run("run").model(model=network)'),
        (lambda: resumed_config(OmegaConf.create({"resume": "run"}), []), 'convboard.resume("run", model=network)'),
    ):
        with pytest.raises(convboard.RunError) as caught:
            refused()
        assert str(caught.value) == (
            f"{given}cannot be built from its config. Go on from Python, and give the network again: {call}"
        )
    with pytest.raises(convboard.ConfigError, match=r"Give such a network again: convboard.run\(config, run_dir, mode"):
        convboard.run(run.config, "again")
    loaded = run.model(model=network())
    assert not loaded.training
    assert all(torch.equal(value, first.state_dict()[name]) for name, value in loaded.state_dict().items())
    assert convboard.evaluate_run(run, model=network()) == run.metrics
    make_picture(Path("a.png").absolute(), "L", (28, 28), 200)
    assert len(run.predict("a.png", model=network())) == 1
    assert convboard.resume("run", 2, model=network()).epochs == 2
    with pytest.raises(convboard.ModelError, match="Net does not fit images of 1x28x28"):
        run.model(model=Net(3, 10))
    with pytest.raises(convboard.CheckpointError, match="is a checkpoint of another network"):
        run.model(model=Net(1, 10))


def test_a_network_whose_class_is_in_a_function() -> None:
    class Inner(Net):
        pass

    result = convboard.train(Inner(1, 10), "digits", "model.image_size=20", **SHORT)
    assert result.run_dir.parent == Path("outputs/digits/Inner")
    config = convboard.load_run(result.run_dir).config
    target = f"{__name__}.test_a_network_whose_class_is_in_a_function.<locals>.Inner"
    assert config.model == {"_target_": target, "_given_": True, "image_size": 20}


@pytest.mark.parametrize(
    ("model", "more"), [("batchnorm_cnn", ""), (Net, ", trust=True"), (Net(1, 10), ", model=network")]
)
def test_ctrl_c_says_how_the_run_is_resumed(model: Any, more: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ProgressDisplay, "on_step", lambda *_: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(convboard.Interrupted) as caught:
            convboard.train(model, run_dir="run", **SHORT)
    call = f'convboard.resume("run"{more})'
    assert str(caught.value) == f"interrupted by SIGINT; the run is saved. Go on with it: {call}"
    assert eval(call, {"convboard": convboard, "network": Net(1, 10)}).epochs == 1


def test_a_name_of_a_data_set_wins_over_a_folder_of_that_name(make_picture: Any, tmp_path: Path) -> None:
    for label, shade in (("dark", 40), ("light", 200)):
        for at in range(30):
            path = tmp_path / "digits" / label / f"{at}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            make_picture(path, "L", (12, 12), shade)
    (tmp_path / "digits").rename(tmp_path / "pictures")
    short = {**SHORT, "batch_size": 8, "image_size": 12}
    chosen = {}
    for name, dataset in (("text", "pictures"), ("slash", "./pictures"), ("path", Path("pictures"))):
        convboard.train(Net, dataset, run_dir=name, **short)
        chosen[name] = convboard.load_run(name).config.dataset
    assert {dataset.name for dataset in chosen.values()} == {"image_folder"}
    (tmp_path / "pictures").rename(tmp_path / "digits")
    convboard.train(Net, "digits", run_dir="name", **SHORT)
    assert convboard.load_run("name").config.dataset.name == "digits"


def test_options_of_the_user_s_own_are_data_sets_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []
    monkeypatch.setattr("convboard.experiment.run.run", lambda config, run_dir, model: trained.append(config))
    (tmp_path / "conf/dataset").mkdir(parents=True)
    (tmp_path / "conf/dataset/small.yaml").write_text("name: digits\nimage_size: 14\n")
    convboard.train(dataset="small")
    assert trained[0].dataset.image_size == 14


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("--model=lenet", "'--model=lenet' is not understood: write model=lenet, without dashes."),
        ("hydra.foo=1", "hydra.foo=1: the keys of hydra belong to the command line. In Python, the directory of a run"),
        ("objective=a{", "Put a text with special characters into quotes: \"objective='...'\"."),
    ],
)
def test_overrides_are_refused_in_terms_of_python(override: str, message: str) -> None:
    with pytest.raises(convboard.ConfigError, match=re.escape(message)):
        convboard.compose(override)


def test_what_mends_a_network_of_a_package_is_said_in_python() -> None:
    with pytest.raises(convboard.ModelError) as raised:
        convboard.train("torchvision.models.squeezenet1_1", **SHORT)
    assert 'train mynet.net (convboard.train("mynet.net", ...))' in " ".join(str(raised.value).split())
