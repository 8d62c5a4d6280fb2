"""The runner as a library: no Hydra, no command line."""

import errno
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import convboard
from convboard.config.schema import TrainConfig
from convboard.data.batches import Batch, Batches
from convboard.data.load import load_dataset
from convboard.errors import RunError
from convboard.models import WhitenedCNN
from convboard.training.checkpoint import load_latest
from convboard.training.execution_plan import choose_plan, measure_plans
from convboard.training.execution_plan.plan import Plan
from convboard.training.execution_plan.plan_cache import Measurement
from convboard.training.seeding import set_deterministic
from permissions import permissions


def make_config(**changes: Any) -> TrainConfig:
    plain: dict[str, Any] = {
        "model": {"_target_": "convboard.models.LeNet", "image_size": 32},
        "dataset": {"name": "digits"},
        "optimizer": {"_target_": "torch.optim.SGD", "lr": 0.02},
        "scheduler": {"_target_": "convboard.training.schedules.Constant"},
        "trainer": {"max_epochs": 1, "limit_train_batches": 2, "device": "cpu"},
        "board": {"level": "minimal"},
    }
    return TrainConfig.from_dict({**plain, **changes})


def test_a_run_needs_no_hydra_and_is_read_back(tmp_path: Path) -> None:
    config = make_config(data_dir=str(tmp_path / "data"))
    result = convboard.run(config, str(tmp_path / "run"))
    finished = convboard.load_run(tmp_path / "run")
    assert finished.config == config
    assert finished.metrics == result.metrics
    assert result.objective == result.metrics["accuracy/val"]
    assert finished.dataset["image_shape"] == [1, 32, 32]
    assert convboard.evaluate_run(finished) == result.metrics


def test_a_run_is_a_row_of_a_table_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    result = convboard.run(make_config(), tmp_path / "run")
    (row,) = convboard.load_runs(tmp_path)
    assert (row.name, row.state, row.reason, row.epochs) == ("run", "finished", "", 1)
    assert (row.metrics, row.seconds) == (result.metrics, result.seconds)
    assert (row.config["model"], row.config["optimizer.lr"]) == ("lenet", 0.02)
    assert row.environment["torch"] == version("torch")
    assert row.started is not None
    assert row.ended is not None
    before, environment = row.started, row.environment
    convboard.resume(tmp_path / "run", max_epochs=2)
    (row,) = convboard.load_runs(tmp_path)
    assert (row.started, row.environment, row.epochs) == (before, environment, 2)
    assert row.config["trainer.max_epochs"] == 2
    lines = (tmp_path / "run/curves.csv").read_text().splitlines()
    assert [line.split(",")[:2] for line in lines] == [["epoch", "step"], ["1", "2"], ["2", "4"]]
    assert float(lines[-1].split(",")[-1]) <= row.metrics["accuracy/val"]


def test_a_run_that_fails_says_why_in_the_table(tmp_path: Path) -> None:
    config = make_config(optimizer={"_target_": "torch.optim.SGD", "lr": 1e30})
    with pytest.raises(convboard.TrainingError) as raised:
        convboard.run(config, tmp_path / "run")
    (row,) = convboard.load_runs(tmp_path)
    assert (row.state, row.reason) == ("failed", str(raised.value))
    assert row.metrics == {}


@pytest.mark.parametrize("value", [None, 3, "outputs/run"])
def test_what_is_no_run_is_refused(value: Any) -> None:
    with pytest.raises(RunError, match=r"takes a run, .*: write evaluate_run\(convboard.load_run"):
        convboard.evaluate_run(value)
    if not isinstance(value, str):
        with pytest.raises(RunError, match="load_run takes the path of a run directory"):
            convboard.load_run(value)


def test_the_model_of_a_finished_run_has_its_best_weights(tmp_path: Path) -> None:
    convboard.run(make_config(), tmp_path / "run")
    model = convboard.load_run(tmp_path / "run").model()
    assert not model.training
    assert model(torch.zeros(1, 1, 32, 32)).shape == (1, 10)
    torch.manual_seed(0)
    untrained = convboard.build_model("lenet", input_shape=(1, 32, 32), num_classes=10)
    assert not torch.equal(model.get_parameter("fc3.bias"), untrained.get_parameter("fc3.bias"))


def test_a_network_may_look_at_training_images_before_it_begins(tmp_path: Path) -> None:
    config = make_config(model={"_target_": "convboard.models.WhitenedCNN", "patch_size": 2})
    convboard.run(config, tmp_path / "run")
    dataset = load_dataset("digits", tmp_path)
    images = (dataset.train.images[:1000] / 255 - dataset.mean[0]) / dataset.std[0]
    expected = WhitenedCNN(in_channels=1, patch_size=2)
    expected.initialise_from(images)
    kernels = convboard.load_run(tmp_path / "run").model().get_parameter("whiten.weight")
    torch.testing.assert_close(kernels, expected.whiten.weight, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("_target_: convboard.models.LeNet", "_target_: os.system"),
        ("_target_: convboard.models.LeNet", "_target_: convboard_evil.models.LeNet"),
        ("_target_: convboard.models.LeNet", "_target_: convboard.files.atomic_write_text"),
        ("image_size: 32", "in_channels: {_target_: os.system, command: 'touch made'}"),
        ("image_size: 32", "in_channels: [1, {a: {_target_: os.system, command: 'touch made'}}]"),
    ],
)
def test_nothing_that_a_run_directory_names_is_run_without_trust(
    old: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    convboard.run(make_config(), Path("run"))
    file = tmp_path / "run" / "config.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(RunError, match="which is not convboard's own: building it runs that code"):
        convboard.load_run("run").model()
    assert not Path("made").exists()


def test_a_run_directory_is_never_overwritten(tmp_path: Path) -> None:
    convboard.run(make_config(), tmp_path / "run")
    before = {file: file.read_bytes() for file in (tmp_path / "run").rglob("*") if file.is_file()}
    with pytest.raises(RunError, match="already contains a run"):
        convboard.run(make_config(), tmp_path / "run")
    assert before == {file: file.read_bytes() for file in (tmp_path / "run").rglob("*") if file.is_file()}


def test_a_run_that_could_not_begin_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(convboard.ConfigError, match="random_crop=40"):
        convboard.run(make_config(dataset={"name": "digits", "random_crop": 40}), tmp_path / "outputs" / "run")
    assert list(tmp_path.glob("outputs/*")) == []


@pytest.mark.parametrize("made", ["", "mine", "mine/outputs"])
def test_a_run_that_could_not_begin_removes_only_the_folders_that_it_made(made: str, tmp_path: Path) -> None:
    (tmp_path / made).mkdir(parents=True, exist_ok=True)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(convboard.ConfigError, match="random_crop=40"):
        convboard.run(make_config(dataset={"name": "digits", "random_crop": 40}), tmp_path / "mine/outputs")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "name",
    [
        *("dataset.json", "plan.json", "result.json", "summary.json", "curves.csv"),
        *("checkpoints/last.safetensors", "run.lock"),
    ],
)
def test_a_file_of_somebody_else_s_is_never_overwritten(name: str, tmp_path: Path) -> None:
    file = tmp_path / "run" / name
    file.parent.mkdir(parents=True)
    file.write_text('{"mine": 1}')
    (tmp_path / "link").symlink_to("run")
    with pytest.raises(RunError, match=rf"link.* (holds|cannot be written: It is there already).*{name}"):
        convboard.run(make_config(), tmp_path / "link")
    assert [path for path in (tmp_path / "run").rglob("*") if path.is_file()] == [file]
    assert file.read_text() == '{"mine": 1}'


def test_a_run_that_was_killed_before_its_config_was_written_is_begun_again(tmp_path: Path) -> None:
    convboard.run(make_config(), tmp_path / "run")
    (tmp_path / "new/checkpoints").mkdir(parents=True)
    for name in ("dataset.json", "plan.json"):
        (tmp_path / "new" / name).write_bytes((tmp_path / "run" / name).read_bytes())
    convboard.run(make_config(), tmp_path / "new")


def test_a_disk_that_is_full_at_the_end_is_told_in_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_bytes

    def fill(path: Path, content: bytes) -> int:
        if ".result.json." in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", fill)
    run = tmp_path / "run"
    with pytest.raises(RunError) as caught:
        convboard.run(make_config(), run)
    assert str(caught.value).startswith(f"{run} cannot be written: No space left on device ({run}/result.json). ")


def test_what_the_first_step_would_stumble_over_is_told_before_the_run_holds_a_file(tmp_path: Path) -> None:
    with pytest.raises(
        convboard.ConfigError, match=r"^optimizer: torch\.optim\.SGD with lr=1e\+300, .* cannot take a step"
    ):
        convboard.run(
            make_config(optimizer={"_target_": "torch.optim.SGD", "lr": 1e300, "foreach": False}), tmp_path / "run"
        )
    assert not (tmp_path / "run").exists()


class Tried(nn.Sequential):
    """Counts the batches that it is trained on, and those that a copy of it is tried on."""

    batches = 0

    def __init__(self) -> None:
        layers = (nn.Linear(784, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 10))
        super().__init__(nn.Flatten(), *layers)

    def forward(self, images: torch.Tensor) -> Any:
        type(self).batches += self.training
        return super().forward(images)  # type: ignore[no-untyped-call]


class Untried(Tried):
    """No step is tried on what cannot be copied."""

    batches = 0

    def __deepcopy__(self, _memo: object) -> "Untried":
        raise TypeError("it cannot be copied")


def test_trying_a_step_out_changes_nothing_in_the_run(tmp_path: Path) -> None:
    configs = [make_config(model={"_target_": f"{__name__}.{name}"}) for name in ("Tried", "Untried")]
    metrics = [convboard.run(config, tmp_path / str(at)).metrics for at, config in enumerate(configs)]
    assert (Tried.batches, Untried.batches) == (3, 2)
    assert metrics[0] == metrics[1]


class DrawnByNumPy(nn.Linear):
    def __init__(self) -> None:
        super().__init__(784, 10)
        self.weight.data.copy_(torch.from_numpy(np.random.standard_normal((10, 784))))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images.flatten(1))


def test_the_seed_decides_what_a_users_network_draws_by_numpy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = make_config(model={"_target_": f"{__name__}.DrawnByNumPy"})
    weights = []
    for run in ("one", "other"):
        with monkeypatch.context() as patch:
            patch.delitem(sys.modules, "numpy.random", raising=False)  # as long as nobody has asked for it
            convboard.run(config, tmp_path / run)
        weights.append(load_latest(tmp_path / run / "checkpoints")[0].model["weight"])
    assert torch.equal(*weights)


@pytest.mark.parametrize("damage", ["missing", "truncated", "another run's"])
def test_a_finished_run_whose_best_checkpoint_is_damaged_stays_as_it_is(damage: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    convboard.run(make_config(), run)
    best = run / "checkpoints/best.safetensors"
    if damage == "another run's":
        convboard.run(make_config(seed=1), tmp_path / "other")
        best.write_bytes((tmp_path / "other/checkpoints/best.safetensors").read_bytes())
    elif damage == "truncated":
        best.write_bytes(best.read_bytes()[:-9])
    else:
        best.unlink()
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    with pytest.raises(convboard.CheckpointError, match=r"best\.safetensors"):
        convboard.resume(run, max_epochs=2)
    after = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    assert before == after


@pytest.mark.parametrize(
    ("name", "mode", "message"),
    [
        ("checkpoints", 0o000, "Permission denied .*checkpoints.. See that it and all in it"),
        (
            "checkpoints",
            0o555,
            r"run cannot be written: Permission denied \(.*/checkpoints\). See that it and all in it",
        ),
        ("checkpoints/last.safetensors", 0o000, "last.safetensors cannot be read: Permission denied"),
        ("checkpoints/best.safetensors", 0o000, "best.safetensors cannot be read: Permission denied"),
        ("result.json", 0o000, "result.json cannot be read: Permission denied. See that it may be read"),
        ("", 0o555, "run cannot be written: Permission denied"),
        ("", 0o000, "run cannot be read: Permission denied"),
    ],
)
def test_a_finished_run_without_permissions_stays_as_it_is(
    name: str, mode: int, message: str, finished_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    with permissions(run / name, mode), pytest.raises(convboard.ConvboardError, match=message):
        convboard.resume(run, max_epochs=2)
    after = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    assert before == after


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("finished") / "run"
    convboard.run(make_config(), run)
    return run


def test_a_folder_that_holds_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run: a run directory has a config"):
        convboard.load_run(tmp_path)
    with pytest.raises(RunError, match="is not there"):
        convboard.load_run(tmp_path / "none")


def test_measuring_changes_nothing_in_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same plan, chosen after a measurement or without one, a run has the same bits."""
    layers = [{"conv": {"out_channels": 4, "kernel_size": 3}}, "batch_norm", "relu", "flatten", "dropout", "linear"]
    config = make_config(model={"_target_": "convboard.models.sequential", "layers": layers})
    convboard.run(config, tmp_path / "unmeasured")
    monkeypatch.setattr(measure_plans, "MIN_STEPS", 0)
    monkeypatch.setattr(measure_plans, "SHARE", {"cpu": 100.0})
    monkeypatch.setattr(choose_plan, "MIN_SPEEDUP", 1e9)
    monkeypatch.setattr(measure_plans, "MAX_OTHER_LOAD", 1.0)
    monkeypatch.setattr(measure_plans, "MAX_SPREAD", 1e9)
    taken = []
    monkeypatch.setattr(choose_plan, "save_measurement", lambda *what: taken.append(what))
    convboard.run(config, tmp_path / "measured")
    assert taken
    one, other = (load_latest(tmp_path / run / "checkpoints")[0] for run in ("measured", "unmeasured"))
    assert one.model.keys() == other.model.keys()
    assert all(torch.equal(value, other.model[name]) for name, value in one.model.items())
    assert torch.equal(one.rng["cpu"], other.rng["cpu"])
    assert one.state["sums"] == other.state["sums"]


def test_no_batch_is_made_for_a_plan_that_is_not_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    epoch = Batches.epoch

    def watched(batches: Batches, *which: int) -> Iterator[Batch]:
        drawn.append(batches.shuffle)
        return epoch(batches, *which)

    monkeypatch.setattr(Batches, "epoch", watched)
    for number, plan in enumerate(("none", "auto")):
        drawn.clear()
        trainer = {"max_epochs": 1, "limit_train_batches": 2, "device": "cpu", "plan": plan}
        convboard.run(make_config(trainer=trainer), tmp_path / plan)
        assert drawn.count(True) == 1 + number


def test_deterministic_runs_have_the_same_bits_whatever_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = {"max_epochs": 1, "limit_train_batches": 3, "device": "cpu", "deterministic": True, "precision": "auto"}
    try:
        convboard.run(make_config(trainer=trainer), tmp_path / "one")
        poison = Measurement(3.0, {Plan(torch.device("cpu"), "bf16", threads=1): 1e-9}, images=1)
        monkeypatch.setattr(choose_plan, "load_measurement", lambda *_: poison)
        monkeypatch.setattr(measure_plans, "time_step", lambda *_: 1e-9)
        convboard.run(make_config(trainer=trainer), tmp_path / "other")
    finally:
        set_deterministic(False)
    one, other = (load_latest(tmp_path / run / "checkpoints")[0] for run in ("one", "other"))
    assert all(torch.equal(value, other.model[name]) for name, value in one.model.items())
    assert (tmp_path / "one/plan.json").read_text() == (tmp_path / "other/plan.json").read_text()


def test_what_was_measured_is_in_the_text_tab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # nothing is remembered
    convboard.run(make_config(), tmp_path / "run")
    events = EventAccumulator(str(tmp_path / "run")).Reload()
    (text,) = events.Tensors("plan")
    assert "| chosen | cpu (1 thread), fp32, channels_last |" in text.tensor_proto.string_val[0].decode()
    assert "| why | not measured, since the run is short |" in text.tensor_proto.string_val[0].decode()
