"""Figures that are added to a run which was trained without any."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from convboard.board.later_figures import add_figures
from convboard.board.network_figures import NetworkFigures
from convboard.data.dataset import ImageDataset


def add(
    run_dir: Path, loop: Any, dataset: ImageDataset, epoch: int = 1, step: int = 4, *, is_full: bool = False
) -> bool:
    figures = NetworkFigures(loop.model, torch.device("cpu"), dataset, 16, is_full=is_full)
    return add_figures(run_dir, figures, loop.evaluate(dataset.val), epoch, step)


def test_a_run_without_pictures_gets_those_of_an_epoch(
    make_board: Any, make_loop: Any, dataset: ImageDataset, read_events: Callable[[], Any], tmp_path: Path
) -> None:
    loop = make_loop()
    loop.run(make_board(level="minimal"))
    before = read_events().scalars()
    (path,) = (tmp_path / "run").glob("*tfevents*")
    assert add(tmp_path / "run", loop, dataset)
    events = read_events()
    images = events.tags("images")
    assert images >= {
        "input/probe",
        "kernels/conv",
        "feature_maps/block/0",
        "weight_matrix/out",
        "confusion_matrix/val",
    }
    assert {step for tag in images for step in events.steps(tag)} == {4}
    assert "weights/conv/weight" in events.tags("histograms")
    after = events.scalars()
    assert {tag: after[tag] for tag in before} == before
    assert list((tmp_path / "run").glob("*tfevents*")) == [path]
    assert events.reader.Graph() is not None
    assert "precision_recall/class 0" not in events.tags("tensors")


def test_a_run_with_pictures_is_left_as_it_is(
    make_board: Any, make_loop: Any, dataset: ImageDataset, tmp_path: Path
) -> None:
    """Readers would drop what a run has from later epochs."""
    loop = make_loop()
    loop.run(make_board(level="minimal"))
    assert add(tmp_path / "run", loop, dataset, is_full=True)
    (path,) = (tmp_path / "run").glob("*tfevents*")
    before = path.read_bytes()
    assert not add(tmp_path / "run", loop, dataset)
    assert path.read_bytes() == before


def test_a_run_that_is_resumed_has_its_curves_once(
    make_board: Any, make_loop: Any, dataset: ImageDataset, read_events: Callable[[], Any], tmp_path: Path
) -> None:
    loop = make_loop(epochs=3)
    loop.run(board := make_board(level="minimal"), until=4)
    state = json.loads(json.dumps(board.state_dict()))
    board._events.close()
    add(tmp_path / "run", loop, dataset)
    resumed = make_board(level="minimal")
    resumed.load_state_dict(state)
    loop.run(resumed)
    assert read_events().steps("loss/val") == [4, 8, 12]
    assert not read_events().tags("images")
