"""The backend over event files, without a server; tests/browser has it in a real TensorBoard, with either reader."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tensorboard.plugins.base_plugin import TBContext

from convboard.board import hparams, tags
from convboard.board.event_file import EventFile
from convboard.board.figures.embedded_arrays import embed_arrays, pack
from convboard.board.figures.png import Figure, encode_png
from convboard.board.summaries import image, network, scalar, text
from convboard.plugins.layers import backend
from convboard.plugins.layers.backend import LayersPlugin
from permissions import permissions
from python_code import printed
from served_plugin import ServedPlugin

OLD_RUNS = Path(__file__).parents[3] / "data/runs_of_version_0_1"
RECORD = {"version": 1, "name": "LeNet", "rows": [{"formula": "⌊28/2⌋ = 14"}], "boxes": {}}
PICTURE = Figure(encode_png(np.zeros((4, 4), np.uint8)), 4, 4)
FACTS = {"epoch": 1}
LAYER_CURVES = {
    tags.activation_mean("block.0"): 0.5,
    tags.activation_std("block.0"): float("nan"),
    tags.dead_fraction("block.0"): 0.25,
    tags.gradient_norm("block.0"): 2.0,
    tags.gradient_norm("norm"): 3.0,
}


def write_run(path: Path, *, has_network: bool = True) -> None:
    events = EventFile.create(path)
    events.write([text(tags.CONFIG, "none")], 0)
    if has_network:
        events.write([network(RECORD)], 0)
    for step in (0, 4):
        carrying = embed_arrays(PICTURE, {**FACTS, "step": step}, {})
        pictures = [image(tag, carrying) for tag in (tags.kernels("block.0"), tags.INPUT_PROBE)]
        curves = [scalar(tag, value + step) for tag, value in LAYER_CURVES.items()]
        others = [image(tags.CONFUSION_MATRIX, PICTURE), scalar(tags.LOSS_TRAIN, 1.0)]
        events.write([*pictures, *curves, *others], step)
    events.close()


class Served(ServedPlugin):
    """The plugin over a folder; counts the pictures that are read."""

    def __init__(self, logdir: Path) -> None:
        super().__init__(LayersPlugin, logdir)
        self.reads: list[str] = []
        self._read = self.provider.read_blob
        self.provider.read_blob = self._note_and_read

    def _note_and_read(self, ctx: Any, blob_key: str) -> Any:
        self.reads.append(blob_key)
        return self._read(ctx, blob_key=blob_key)


@pytest.fixture
def served(tmp_path: Path) -> Served:
    write_run(tmp_path / "mnist/b")
    write_run(tmp_path / "mnist/a")
    write_run(tmp_path / "x", has_network=False)
    return Served(tmp_path)


def test_runs_with_a_network_are_told_from_others(served: Served) -> None:
    listed = served.json("/runs")
    assert sorted(run["name"] for run in listed["runs"]) == ["mnist/a", "mnist/b"]
    assert listed["others"] == ["x"]


def test_an_event_file_that_cannot_be_read_leaves_the_other_runs(tmp_path: Path) -> None:
    write_run(tmp_path / "a")
    write_run(tmp_path / "b")
    (events,) = (tmp_path / "b").iterdir()
    with permissions(events, 0):
        served = Served(tmp_path)
        listed, missing = served.ask("/runs").json, served.ask("/run", run="b")
    assert listed
    assert [run["name"] for run in listed["runs"]] == ["a"]
    assert (missing.status_code, missing.json) == (404, {"error": "no run 'b' with a network to show"})


CONFIG = {
    "model": {"_target_": "convboard.models.LeNet", "width": 8},
    "dataset": {"name": "image_folder", "path": "/data/birds"},
    "optimizer": {"lr": 0.1},
}
BEST = {tags.ACCURACY_VAL: 0.75, tags.LOSS_VAL: 0.5, tags.ACCURACY_TRAIN: 1.0}


def write_session(path: Path, started: float, *ends: Any, best: dict[str, float] | None = None) -> None:
    """A run that began at a time, with its records of the HParams tab."""
    events = EventFile.create(path)
    events.write([network(RECORD)], 0)
    with freeze(started):
        events.write([hparams.session_start(CONFIG)], 0)
    events.write(hparams.best_epoch(best or {}), 4)
    events.write(ends, 8)
    events.close()


@contextmanager
def freeze(now: float) -> Iterator[None]:
    """Let it be a certain time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: now)
        yield


def test_runs_are_listed_with_what_tells_them_apart_the_newest_first(tmp_path: Path) -> None:
    write_session(tmp_path / "a/newest", 3000.0)
    write_session(tmp_path / "b/oldest", 1000.0, hparams.session_end(finished=True), best=BEST)
    write_session(tmp_path / "c/failed", 2000.0, hparams.session_end(finished=False))
    listed = Served(tmp_path).json("/runs")
    assert [(run["name"], run["state"], run["accuracy"]) for run in listed["runs"]] == [
        ("a/newest", "unfinished", None),
        ("c/failed", "failed", None),
        ("b/oldest", "finished", 0.75),
    ]
    assert {(run["model"], run["dataset"], run["lr"]) for run in listed["runs"]} == {("LeNet", "birds", 0.1)}


def test_a_run_comes_with_its_config_and_its_best_epoch(tmp_path: Path) -> None:
    write_session(tmp_path / "a", 1000.0, best=BEST)
    run = Served(tmp_path).json("/run", run="a")
    assert run["best"] == {"step": 4, "metrics": BEST}
    assert (run["config"]["model.width"], run["config"]["dataset.path"]) == (8, "/data/birds")


def test_runs_of_the_version_before_are_listed_too() -> None:
    served = Served(OLD_RUNS)
    listed = served.json("/runs")
    runs = {run["name"]: run for run in listed["runs"]}
    result = json.loads((OLD_RUNS / "finished/result.json").read_text())
    assert runs["finished"]["accuracy"] == pytest.approx(result["metrics"]["accuracy/val"])
    assert (runs["finished"]["state"], runs["killed"]["state"]) == ("finished", "unfinished")
    assert runs["finished"]["model"]
    run = served.json("/run", run="finished")
    epoch = run["best"]["step"] / run["network"]["steps_per_epoch"]
    assert epoch == result["best_epoch"]
    assert run["best"]["metrics"]["accuracy/test"] == pytest.approx(result["metrics"]["accuracy/test"])


def test_a_run_is_its_network_and_the_keys_of_its_pictures(served: Served) -> None:
    run = served.json("/run", run="mnist/a")
    assert run["network"] == RECORD
    assert {tag: [picture["step"] for picture in pictures] for tag, pictures in run["pictures"].items()} == {
        "kernels/block/0": [0, 4],
        "input/probe": [0, 4],
    }
    assert served.reads == []


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"7", b"[" * 100_000, b"\xff", b'{"a": ' * 50_000])
def test_a_damaged_record_is_told_and_is_no_error_of_the_server(tmp_path: Path, content: bytes) -> None:
    record = network(RECORD)
    record.tensor.string_val[0] = content
    events = EventFile.create(tmp_path / "damaged")
    events.write([record], 0)
    events.close()
    write_run(tmp_path / "good")
    served = Served(tmp_path)
    for address in ("/run", "/health"):
        answer = served.ask(address, run="damaged")
        assert answer.status_code == 422
        assert answer.json == {"error": "the network record of 'damaged' is damaged: it is no JSON object"}
    assert served.ask("/runs").status_code == 200
    assert served.ask("/run", run="good").status_code == 200


def test_damaged_records_of_the_hparams_tab_count_as_missing(tmp_path: Path) -> None:
    record = hparams.session_start(CONFIG)
    record.metadata.plugin_data.content = b"\xff\xff"
    events = EventFile.create(tmp_path / "damaged")
    events.write([network(RECORD), record], 0)
    events.close()
    listed = Served(tmp_path).json("/runs")
    assert (listed["runs"][0]["model"], listed["runs"][0]["lr"]) == (None, None)


@pytest.mark.parametrize(
    ("host", "flags", "code"),
    [
        ("localhost:6006", {}, 200),
        ("LOCALHOST.", {}, 200),
        ("127.0.0.1:6006", {}, 200),
        ("[::1]:6006", {}, 200),
        ("192.168.0.7:6006", {}, 200),
        ("board.localhost:6006", {}, 200),
        ("evil.example:6006", {}, 403),
        ("localhost.evil.example", {}, 403),
        ("127.0.0.1.evil.example", {}, 403),
        ("board.example", {"host": "board.example"}, 200),
        ("evil.example", {"host": "0.0.0.0"}, 403),
        ("board.example", {"bind_all": True}, 200),
    ],
)
def test_the_host_is_one_that_this_server_can_have(served: Served, host: str, flags: Any, code: int) -> None:
    defaults = {"host": None, "bind_all": False}
    context = TBContext(data_provider=served.provider, flags=SimpleNamespace(**{**defaults, **flags}))
    served.apps = LayersPlugin(context).get_plugin_apps()
    for address in ("/runs", "/run", "/health", "/numbers"):
        answer = served.ask(address, headers={"Host": host}, run="mnist/a")
        assert (answer.status_code == 403) == (code == 403), address
        assert code == 200 or f"does not know itself as {host}" in answer.text


def test_the_numbers_of_a_picture_are_served_as_they_are(served: Served) -> None:
    pictures = served.ask("/run", run="mnist/a").json["pictures"]["kernels/block/0"]  # type: ignore[index]
    answer = served.ask("/numbers", key=pictures[1]["key"])
    assert answer.content_type == "application/octet-stream"
    assert answer.data == pack({**FACTS, "step": 4}, {})
    known = {"If-None-Match": answer.headers["ETag"]}
    assert served.ask("/numbers", key=pictures[1]["key"], headers=known).status_code == 304
    assert served.ask("/numbers", key=pictures[0]["key"], headers=known).status_code == 200


def test_curves_are_served_by_layer(served: Served) -> None:
    assert served.ask("/health", run="mnist/a").json == {
        "block.0": {
            "mean": [[0, 0.5], [4, 4.5]],
            "std": [[0, "NaN"], [4, "NaN"]],
            "dead_fraction": [[0, 0.25], [4, 4.25]],
            "gradient_norm": [[0, 2.0], [4, 6.0]],
        },
        "norm": {"gradient_norm": [[0, 3.0], [4, 7.0]]},
    }


def test_a_run_that_has_written_its_network_alone_is_served(tmp_path: Path) -> None:
    events = EventFile.create(tmp_path / "new")
    events.write([network(RECORD)], 0)
    events.close()
    served = Served(tmp_path)
    assert served.ask("/run", run="new").json == {"network": RECORD, "pictures": {}, "config": {}, "best": None}
    assert served.ask("/health", run="new").json == {}


def key_of(*parts: object) -> str:
    """A key as the slow reader makes them."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("address", "query"),
    [
        *(("/run", {"run": run}) for run in ("", "mnist", "x", "../mnist/a")),
        *(("/health", {"run": run}) for run in ("nowhere", "x")),
        *(("/run", {}), ("/health", {}), ("/numbers", {})),
        *(("/numbers", {"key": key}) for key in ("", "zzz", "é", "a" * 2000, key_of(), key_of({}), key_of(1, 2))),
        *(("/numbers", {"key": key_of("", "images", "mnist/a", "kernels/block/0", *at)}) for at in ((3, 2), (4, 9))),
        *(("/numbers", {"key": key_of("", "images", "mnist/a", "kernels/block/0", 4, at)}) for at in (0, None, "2")),
        ("/numbers", {"key": key_of("", "images", "nowhere", "kernels/block/0", 4, 2)}),
        ("/numbers", {"key": key_of("", "images", "mnist/a", "confusion_matrix/val", 4, 2)}),
        ("/numbers", {"key": key_of("", "scalars", "mnist/a", "loss/train", 4, 0)}),
    ],
)
def test_what_is_not_there_is_not_found(served: Served, address: str, query: dict[str, str]) -> None:
    answer = served.ask(address, **query)
    assert answer.status_code == 404
    assert answer.json
    assert answer.json["error"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_but_reading_is_answered(served: Served, method: str) -> None:
    for address in served.apps:
        answer = served.ask(address, method)
        assert answer.status_code == 405
        assert answer.headers["Allow"] == "GET"


def test_the_tab_is_a_module_that_is_served_and_kept(served: Served) -> None:
    metadata = served.plugin.frontend_metadata()
    assert metadata.tab_name == "Layers"
    answer = served.ask(metadata.es_module_path)
    assert b"function render()" in answer.data
    assert answer.mimetype == "text/javascript"
    assert answer.cache_control.max_age == 365 * 24 * 60 * 60
    assert served.ask(metadata.es_module_path.replace("index.js", "style.css")).mimetype == "text/css"


def test_files_of_a_fixed_list_are_served_at_an_address_of_their_content(served: Served) -> None:
    plugins = Path(backend.__file__).parents[1]
    files = [file for name in ("layers", "shared") for file in sorted((plugins / name / "static").iterdir())]
    content = b"".join(file.read_bytes() for file in files)
    folder = f"/static/{hashlib.sha256(content).hexdigest()[:16]}"
    served_files = {path for path in served.apps if path.startswith("/static/")}
    assert {f"{folder}/{file.relative_to(plugins).as_posix()}" for file in files} == served_files


def test_the_tab_is_there_once_a_run_has_a_network(served: Served, tmp_path: Path) -> None:
    assert served.plugin.is_active()
    (tmp_path / "empty").mkdir()
    assert not Served(tmp_path / "empty").plugin.is_active()
    write_run(tmp_path / "others/x", has_network=False)
    assert not Served(tmp_path / "others").plugin.is_active()


def test_tensorboard_finds_the_plugin() -> None:
    (found,) = entry_points(group="tensorboard_plugins", name="layers")
    assert found.load() is LayersPlugin


def test_the_plugin_loads_without_what_trains_and_draws() -> None:
    code = (
        "import sys, convboard.plugins.layers.backend; "
        "print(sorted({'torch', 'PIL', 'tensorflow', 'matplotlib', 'hydra', 'convboard.board.board'} & {*sys.modules}))"
    )
    assert printed(code) == "[]\n"
