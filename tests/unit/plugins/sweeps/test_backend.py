"""The backend over runs on the disk, without a server; tests/browser has it in a real TensorBoard."""

from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convboard.board import tags
from convboard.board.event_file import EventFile
from convboard.board.figures.embedded_arrays import embed_arrays, unpack
from convboard.board.figures.png import Figure, encode_png
from convboard.board.summaries import image, network, scalar
from convboard.config.command_line import command
from convboard.plugins.sweeps.backend import SweepsPlugin
from convboard.results.importance import VARIANCE
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.sweep_folder import Sweep
from python_code import printed
from served_plugin import ServedPlugin
from synthetic_sweep import Outcome, grid, write_sweep

SWEEP = "sweeps/first"
FAILED = Outcome(State.FAILED, reason="RuntimeError: out of memory")
OUTCOMES = [Outcome(value=0.9), Outcome(value=0.8), Outcome(value=0.94), FAILED, Outcome(State.RUNNING, epochs=3)]
OUTCOMES.append(Outcome(State.WAITING))
AXES: dict[str, list[Any]] = {"optimizer.lr": [0.1, 0.01], "seed": [1, 2, 3]}


class Served(ServedPlugin):
    """The plugin over some folders."""

    def __init__(self, logdir: Path | None = None, **named: Path) -> None:
        super().__init__(SweepsPlugin, logdir, **named)


def write_curve(run_dir: Path, tag: str, values: list[float]) -> None:
    events = EventFile.create(run_dir)
    for index, value in enumerate(values, 1):
        events.write([scalar(tag, value)], 20 * index)
    events.close()


def write_pictures(run_dir: Path, names: list[str]) -> None:
    """Write a run with pictures: its network has a layer that is called twice, and one without pictures."""
    picture = Figure(encode_png(np.zeros((4, 4), np.uint8)), 4, 4)
    events = EventFile.create(run_dir)
    rows = [{"name": name} for name in ("block.conv", "block.conv:2", "pool", "fc")]
    events.write([network({"rows": rows, "steps_per_epoch": 20})], 0)
    for step in (0, 40):
        drawn = embed_arrays(picture, {"epoch": step}, {"counts": np.full((2, 2), step, np.float32)})
        events.write([image(name, drawn) for name in names], step)
    events.close()


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return write_sweep(tmp_path / SWEEP, grid(AXES), OUTCOMES)


@pytest.fixture
def served(tmp_path: Path, sweep: Sweep) -> Served:
    write_curve(sweep.run_dir(0), "accuracy/val", [0.5, float("nan"), 0.9])
    write_curve(sweep.run_dir(1), "loss/train", [1.0])
    return Served(tmp_path)


def test_tensorboard_finds_the_plugin_which_loads_without_what_trains_and_draws() -> None:
    (found,) = entry_points(group="tensorboard_plugins", name="sweeps")
    assert found.load() is SweepsPlugin
    heavy = "{'torch', 'PIL', 'scipy', 'matplotlib', 'hydra', 'omegaconf'}"
    code = f"import sys, {found.module}; print(sorted({heavy} & {{*sys.modules}}))"
    assert printed(code) == "[]\n"


def test_the_tab_is_a_module(served: Served) -> None:
    metadata = served.plugin.frontend_metadata()
    assert metadata.tab_name == "Sweeps"
    assert b"function render()" in served.ask(metadata.es_module_path).data
    assert served.plugin.is_active()


def test_each_sweep_is_a_folder_and_all_other_runs_are_one(tmp_path: Path, served: Served, sweep: Sweep) -> None:
    config = (sweep.run_dir(0) / "config.yaml").read_text()
    for name in ("config.yaml", "result.json"):
        run = tmp_path / "digits/lenet/run"
        run.mkdir(parents=True, exist_ok=True)
        (run / name).write_text(config if name == "config.yaml" else (sweep.run_dir(0) / name).read_text())
    folders = {folder["id"]: folder for folder in served.json("/folders")}
    assert list(folders) == [SWEEP, ""]  # one is being trained in the first
    assert folders[SWEEP]["counts"] == {"finished": 3, "failed": 1, "running": 1, "waiting": 1}
    assert (folders[""]["runs"], folders[""]["name"]) == (1, "runs outside of sweeps")
    (setting,) = served.json("/table", folder="")["settings"]
    assert setting["runs"][0]["run"] == "digits/lenet/run"


def test_runs_that_cannot_be_compared_are_in_different_folders(tmp_path: Path) -> None:
    settings = [{"objective": tag, "seed": seed} for seed in (1, 2) for tag in ("accuracy/val", "loss/val")]
    write_sweep(tmp_path / SWEEP, settings, [Outcome(value=0.9)] * 4)
    served = Served(tmp_path)
    found = {folder["id"]: (folder["name"], folder["runs"]) for folder in served.json("/folders")}
    other = f"{SWEEP} · by loss/val"
    assert found == {SWEEP: (f"{SWEEP} · by accuracy/val", 2), other: (other, 2)}
    table = served.json("/table", folder=other)
    assert (table["objective"], table["is_maximised"]) == ("loss/val", False)
    assert table["settings"][0]["mean"] == pytest.approx(0.1)


def test_the_log_directory_can_be_the_sweep_itself(tmp_path: Path, sweep: Sweep) -> None:
    served = Served(tmp_path / SWEEP)
    (folder,) = served.json("/folders")
    assert (folder["id"], folder["name"]) == (".", "first")
    runs = [run["run"] for setting in served.json("/table", folder=folder["id"])["settings"] for run in setting["runs"]]
    assert "optimizer.lr=0.1,seed=1" in runs


def test_curves_are_those_of_the_event_files(served: Served) -> None:
    assert served.json("/tags", folder=SWEEP) == ["accuracy/val", "loss/train"]
    curves = served.json("/curves", folder=SWEEP, tag="accuracy/val")
    run = f"{SWEEP}/optimizer.lr=0.1,seed=1"
    assert curves.keys() == {run}
    assert (curves[run]["steps"], curves[run]["values"]) == ([20, 40, 60], [0.5, None, 0.9])
    assert curves[run]["steps_per_epoch"] == 20
    assert served.json("/curves", folder=SWEEP, tag="accuracy/val", runs=["nowhere", run]).keys() == {run}


def test_the_importance_of_the_keys_is_a_request_of_its_own(served: Served) -> None:
    found = served.json("/importance", folder=SWEEP)
    assert found == {"shares": {"optimizer.lr": pytest.approx(1)}, "method": VARIANCE}


def test_a_run_is_compared_with_the_best(served: Served) -> None:
    runs = {"run": f"{SWEEP}/optimizer.lr=0.01,seed=1", "best": f"{SWEEP}/optimizer.lr=0.1,seed=1"}
    found = served.json("/beside_best", **runs)
    assert found["config"] == [["optimizer.lr", 0.01, 0.1]]
    assert found["sentence"].startswith("The best setting is better by ")


def test_a_run_without_a_result_is_compared_by_its_config_alone(tmp_path: Path) -> None:
    outcomes = [Outcome(value=0.9), Outcome(State.WAITING)]
    write_sweep(tmp_path / SWEEP, grid({"optimizer.lr": [0.1, 0.01]}), outcomes)
    runs = {"run": f"{SWEEP}/optimizer.lr=0.01", "best": f"{SWEEP}/optimizer.lr=0.1"}
    found = Served(tmp_path).json("/beside_best", **runs)
    assert found == {"config": [["optimizer.lr", 0.01, 0.1]], "sentence": ""}


def test_a_table_that_has_not_changed_is_not_sent_again(served: Served) -> None:
    first = served.ask("/table", folder=SWEEP)
    again = served.ask("/table", folder=SWEEP, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    ("address", "query"),
    [
        ("/table", {"folder": "nowhere"}),
        ("/table", {"folder": "../sweeps/first"}),
        ("/table", {}),
        ("/tags", {"folder": "nowhere"}),
        ("/importance", {"folder": "nowhere"}),
        ("/curves", {"folder": "nowhere", "tag": "loss/train"}),
        ("/pictures", {"run": "nowhere"}),
        ("/pictures", {"run": "../first/optimizer.lr=0.1,seed=1"}),
        ("/pictures", {}),
        ("/beside_best", {"run": "sweeps/first/optimizer.lr=0.1,seed=1"}),
    ],
)
def test_what_is_not_there_is_not_found(served: Served, address: str, query: dict[str, str]) -> None:
    answer = served.ask(address, **query)
    assert answer.status_code == 404
    assert answer.json
    assert answer.json["error"].startswith("there ")


def test_pages_of_other_sites_are_given_nothing(served: Served) -> None:
    for address in ("/folders", "/table", "/pictures", "/beside_best", "/importance", "/tags", "/curves"):
        assert served.ask(address, headers={"Host": "evil.example:6006"}).status_code == 403
        assert served.ask(address, "POST").status_code == 405


def test_log_directories_that_are_named_in_a_list(tmp_path: Path, sweep: Sweep) -> None:
    write_sweep(tmp_path / "other/second", [{"seed": 1}], [Outcome(value=0.5)])
    write_curve(sweep.run_dir(0), "accuracy/val", [0.5, 0.9])
    served = Served(a=tmp_path / SWEEP, b=tmp_path / "other", c=tmp_path / "nowhere")
    assert served.plugin.is_active()
    assert {folder["id"]: folder["runs"] for folder in served.json("/folders")} == {"a": 6, "b/second": 1}
    assert served.json("/curves", folder="a", tag="accuracy/val").keys() == {"a/optimizer.lr=0.1,seed=1"}
    best = command("runs", "pictures", str(tmp_path / SWEEP), "best=5")
    assert served.json("/pictured", folder="a")["command"] == best


def test_a_log_directory_that_is_not_there_yet_has_no_runs(tmp_path: Path) -> None:
    served = Served(tmp_path / SWEEP)
    assert not served.plugin.is_active()
    assert served.json("/folders") == []
    write_sweep(tmp_path / SWEEP, grid(AXES), OUTCOMES)
    assert [folder["runs"] for folder in served.json("/folders")] == [6]


def test_the_layers_of_a_run_are_in_the_order_of_their_calls_with_the_tags_of_their_pictures(
    tmp_path: Path, sweep: Sweep
) -> None:
    maps = [tags.feature_maps("block.conv"), tags.feature_maps("block.conv:2")]
    weights = [tags.kernels("block.conv"), tags.weight_matrix("fc")]
    write_pictures(sweep.run_dir(0), [*maps, *weights, tags.INPUT_PROBE, tags.CONFUSION_MATRIX, tags.MISCLASSIFIED])
    served = Served(tmp_path)
    run = f"{SWEEP}/optimizer.lr=0.1,seed=1"
    best = command("runs", "pictures", str(tmp_path / SWEEP), "best=5")
    assert served.json("/pictured", folder=SWEEP) == {"runs": [run], "command": best}
    inside = served.json("/pictures", run=run)
    assert inside["layers"] == [
        {"name": "block.conv", "maps": maps[0], "weights": weights[0]},
        {"name": "block.conv:2", "maps": maps[1], "weights": weights[0]},
        {"name": "fc", "maps": None, "weights": weights[1]},
    ]
    assert inside["steps_per_epoch"] == 20
    assert inside["pictures"].keys() == {*maps, *weights, tags.INPUT_PROBE, tags.CONFUSION_MATRIX}
    pictures = inside["pictures"][tags.CONFUSION_MATRIX]
    assert [picture["step"] for picture in pictures] == [0, 40]
    facts, arrays = unpack(served.ask("/numbers", key=pictures[1]["key"]).data)
    assert facts == {"epoch": 40}
    assert arrays["counts"].tolist() == [[40, 40], [40, 40]]


def test_a_run_without_pictures_comes_with_the_command_that_draws_them(tmp_path: Path, served: Served) -> None:
    run = f"{SWEEP}/optimizer.lr=0.1,seed=1"
    assert served.json("/pictures", run=run) == {
        "layers": [],
        "steps_per_epoch": None,
        "pictures": {},
        "command": command("runs", "pictures", str(tmp_path / run)),
    }
    assert served.json("/pictured", folder=SWEEP)["runs"] == []
    assert served.ask("/pictures", run="nowhere").status_code == 404
    assert served.ask("/numbers", key="nothing").status_code == 404
