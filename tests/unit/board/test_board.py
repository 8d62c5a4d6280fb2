import json
import logging
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn

from convboard.anatomy.diagnostics.training_warning import TrainingWarning
from convboard.board import layer_figures
from convboard.board.board import is_due
from convboard.board.event_file import EventFile
from convboard.board.figures.embedded_arrays import packed_arrays
from convboard.errors import RunError
from convboard.training.callbacks import Callback, FitEnd

LAYERS = ("conv", "block/0", "out")
PARAMETERS = tuple(f"{layer}/{kind}" for layer in ("conv", "norm", "block/0", "out") for kind in ("weight", "bias"))
SCALARS = {
    *("loss/train", "loss/val", "loss/test", "accuracy/train", "accuracy/val", "accuracy/test"),
    *("lr", "throughput/images_per_second", "gradients/norm"),
    *(f"best/{metric}/{split}" for metric in ("loss", "accuracy") for split in ("train", "val", "test")),
}
OF_LAYERS = {
    *(f"activations/{layer}/{kind}" for layer in LAYERS for kind in ("mean", "std")),
    *(f"activations/{layer}/dead_fraction" for layer in ("conv", "block/0")),
    *(f"gradient_norm/{layer}" for layer in ("conv", "norm", "block/0", "out")),
}
TEXTS = {"config", "layers", "environment"}
RECORDS = {
    *("_hparams_/experiment", "_hparams_/session_start_info", "_hparams_/session_end_info"),
    "custom_scalars__config__",
    "layers/network",
}


def test_a_board_is_an_callback(make_board: Any) -> None:
    callback: Callback = make_board()
    assert callback is not None


@pytest.mark.parametrize(
    ("epoch", "due"), [(0, True), (1, True), (2, True), (3, False), (4, True), (6, False), (8, True), (1023, False)]
)
def test_pictures_are_due_at_powers_of_two(epoch: int, due: bool) -> None:
    assert is_due(epoch) is due
    assert is_due(epoch, is_last=True)


def test_the_default_board_writes_every_tag_of_the_plan(make_board: Any, make_loop: Any, read_events: Any) -> None:
    make_loop(epochs=3).run(make_board())
    events = read_events()
    assert events.tags("scalars") == SCALARS | OF_LAYERS
    assert events.tags("images") == {
        *("input/probe", "confusion_matrix/val", "misclassified/val"),
        *(f"{kind}/{layer}" for kind in ("kernels", "feature_maps") for layer in ("conv", "block/0")),
        "weight_matrix/out",
    }
    assert events.tags("histograms") == {
        *(f"{kind}/{parameter}" for kind in ("weights", "gradients") for parameter in PARAMETERS),
        *(f"activations/{layer}" for layer in LAYERS),
    }
    assert events.tags("tensors") == TEXTS | RECORDS
    assert events.reader.Tags()["graph"]


def test_the_minimal_board_writes_curves_texts_and_the_row(make_board: Any, make_loop: Any, read_events: Any) -> None:
    make_loop().run(make_board(level="minimal"))
    events = read_events()
    assert events.tags("scalars") == SCALARS
    assert events.tags("tensors") == TEXTS | RECORDS
    assert not events.tags("images")
    assert not events.tags("histograms")
    assert not events.reader.Tags()["graph"]


def test_the_full_board_adds_curves_of_each_class_and_the_projector(
    make_board: Any, make_loop: Any, read_events: Any, tmp_path: Path
) -> None:
    make_loop().run(make_board(level="full"))
    curves = {f"precision_recall/class {label}" for label in range(3)}
    assert read_events().tags("tensors") == TEXTS | RECORDS | curves
    assert (tmp_path / "run/projector_config.pbtxt").is_file()


def test_steps_are_epochs_ends_and_none_comes_twice(make_board: Any, make_loop: Any, read_events: Any) -> None:
    make_loop(epochs=5).run(make_board(scalar_every=3))
    events = read_events()
    assert events.steps("loss/train") == [1, 3, 6, 9, 12, 15, 18, 20]
    assert events.steps("loss/val") == events.steps("throughput/images_per_second") == [4, 8, 12, 16, 20]
    assert events.steps("accuracy/test") == [20]
    assert events.steps("kernels/conv") == events.steps("feature_maps/conv") == [0, 4, 8, 16, 20]
    assert events.steps("input/probe") == [0, 4, 8, 16, 20]
    assert events.steps("confusion_matrix/val") == events.steps("misclassified/val") == [4, 8, 16, 20]
    assert events.steps("weights/conv/weight") == events.steps("activations/conv") == [0, 4, 8, 12, 16, 20]
    assert events.steps("activations/conv/mean") == events.steps("activations/out/std") == [0, 4, 8, 12, 16, 20]
    assert events.steps("gradients/conv/weight") == events.steps("gradient_norm/conv") == [4, 8, 12, 16, 20]
    for kind in ("scalars", "images", "histograms", "tensors"):
        for tag in events.tags(kind):
            steps = events.steps(tag)
            assert steps == sorted(set(steps)), tag


def test_the_network_is_written_once_with_what_it_is_trained_on(
    make_board: Any, make_loop: Any, read_events: Any
) -> None:
    make_loop(epochs=3).run(make_board(level="minimal"))
    (event,) = read_events().reader.Tensors("layers/network")
    record = json.loads(event.tensor_proto.string_val[0])
    assert event.step == 0
    assert record["steps_per_epoch"] == 4
    assert record["max_epochs"] == 3
    assert (record["name"], record["dataset"]) == ("SmallNet", "random")
    assert record["input_shape"] == [1, 12, 12]
    assert {"conv", "block.0", "out"} <= {row["name"] for row in record["rows"]}


def test_a_network_that_cannot_be_recorded_is_told(make_board: Any, make_loop: Any, read_events: Any) -> None:
    loop = make_loop(epochs=1)
    forward = loop.model.forward

    def fail_on_black(images: torch.Tensor) -> Any:  # the image with which the anatomy is traced
        if not images.any():
            raise ZeroDivisionError
        return forward(images)

    loop.model.forward = fail_on_black
    loop.run(make_board())
    events = read_events()
    assert "ZeroDivisionError" in events.text("problems/layers")
    assert "layers/network" not in events.tags("tensors")
    assert "kernels/conv" in events.tags("images")


def test_gradient_norms_are_those_of_the_epochs_last_step(make_board: Any, make_loop: Any, read_events: Any) -> None:
    loop = make_loop(epochs=1)
    loop.run(make_board())
    written = read_events().scalars()
    conv = loop.model.conv
    expected = torch.cat([conv.weight.grad.flatten(), conv.bias.grad.flatten()]).norm().item()
    assert written["gradient_norm/conv"] == [(4, pytest.approx(expected))]


def test_pictures_are_whole_and_of_the_size_they_say(make_board: Any, make_loop: Any, read_events: Any) -> None:
    make_loop().run(make_board())
    events = read_events()
    for tag in events.tags("images"):
        for event in events.reader.Images(tag):
            with Image.open(BytesIO(event.encoded_image_string)) as picture:
                picture.load()
                assert picture.size == (event.width, event.height), tag


def test_the_run_is_the_same_to_the_last_bit_with_a_board_or_without(make_board: Any, make_loop: Any) -> None:
    watched = make_loop()
    watched.run(make_board(level="full"))
    random_state = torch.get_rng_state()
    alone = make_loop()  # seeds anew
    alone.run(None)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert watched.model.training == alone.model.training
    for (name, one), other in zip(watched.model.state_dict().items(), alone.model.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    for one, other in zip(watched.model.parameters(), alone.model.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)


@pytest.mark.parametrize("stop", [2, 4, 7])
def test_a_resumed_run_has_each_point_once_with_the_value_of_an_uninterrupted_one(
    make_board: Any, make_loop: Any, read_events: Any, tmp_path: Path, stop: int
) -> None:
    make_loop(epochs=3).run(make_board(scalar_every=3))
    expected = read_events()
    (tmp_path / "run").rename(tmp_path / "uninterrupted")

    loop, board = make_loop(epochs=3), make_board(scalar_every=3)
    loop.run(board, until=stop)
    weights = {name: tensor.clone() for name, tensor in loop.model.state_dict().items()}
    momenta = {name: momentum.clone() for name, momentum in loop.momenta.items()}
    random_state, state = torch.get_rng_state(), board.state_dict()
    board.on_step(loop.step())  # lost: the process is killed before the next checkpoint
    board._events.flush()

    loop.model.load_state_dict(weights)
    loop.momenta = momenta
    torch.set_rng_state(random_state)
    loop.global_step = stop
    resumed = make_board()  # with the interval of the state
    resumed.load_state_dict(state)
    loop.run(resumed)
    board._events.close()
    events = read_events()
    assert events.scalars() == expected.scalars()
    for kind in ("images", "histograms", "tensors"):
        assert events.tags(kind) == expected.tags(kind)
        for tag in events.tags(kind):
            assert events.steps(tag) == expected.steps(tag), tag
    assert sum(file.stat().st_size > 0 for file in (tmp_path / "run").iterdir()) == 1


def test_a_resumed_run_draws_the_pictures_of_an_uninterrupted_one_to_the_last_number(
    make_board: Any, make_loop: Any, read_events: Any, tmp_path: Path
) -> None:
    make_loop().run(make_board())
    expected = read_events()
    (tmp_path / "run").rename(tmp_path / "uninterrupted")
    loop, board = make_loop(), make_board()
    loop.run(board, until=4)
    resumed = make_board()
    resumed.load_state_dict(json.loads(json.dumps(board.state_dict())))
    board._events.close()
    loop.run(resumed)
    events = read_events()
    for tag in (
        tag for tag in expected.tags("images") if tag.startswith(("kernels", "weight_matrix", "feature_maps", "input"))
    ):
        drawn, again = ([event.encoded_image_string for event in run.reader.Images(tag)] for run in (expected, events))
        assert drawn == again, tag
        assert all(packed_arrays(png) for png in drawn), tag


def test_the_best_epoch_s_metrics_are_those_of_its_own_step(make_board: Any, make_loop: Any, read_events: Any) -> None:
    loop = make_loop(epochs=4)
    loop.run(make_board(level="minimal"))
    written = read_events().scalars()
    accuracies = dict(written["accuracy/val"])
    best = max(accuracies.values())
    step = min(step for step, accuracy in accuracies.items() if accuracy == best)
    assert written["best/accuracy/val"][-1] == (step, best)
    assert written["best/loss/val"][-1] == (step, dict(written["loss/val"])[step])
    assert written["best/accuracy/train"][-1] == (step, 0.75)  # of the whole epoch, not since the last point
    assert written["best/accuracy/test"] == written["accuracy/test"]


def test_a_run_whose_event_file_is_lost_goes_on_in_a_new_one(
    make_board: Any, make_loop: Any, read_events: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loop, board = make_loop(epochs=2), make_board(scalar_every=3)
    loop.run(board, until=4)
    state = json.loads(json.dumps(board.state_dict()))
    board._events.close()
    (lost,) = (tmp_path / "run").iterdir()
    lost.unlink()
    resumed = make_board()
    resumed.load_state_dict(state)
    loop.run(resumed)
    assert caplog.messages[0].startswith(f"TensorBoard event file damaged: {lost} is missing. The run goes on")
    events = read_events()
    assert events.steps("loss/train") == [6, 8]  # the fourth step waited in the state
    assert events.steps("loss/val") == [8]
    assert {"config", "layers/network"} <= events.tags("tensors")
    assert events.steps("kernels/conv") == [4, 8]


def test_a_resumed_run_takes_an_interval_that_it_is_given(make_board: Any, make_loop: Any, read_events: Any) -> None:
    loop, board = make_loop(epochs=3), make_board(scalar_every=3)
    loop.run(board, until=4)
    state = board.state_dict()
    board._events.close()
    resumed = make_board(scalar_every=2)
    resumed.load_state_dict(state)
    loop.run(resumed)
    assert read_events().steps("loss/train") == [1, 3, *range(6, loop.global_step + 1, 2)]


def test_the_state_is_json_and_on_the_disk(make_board: Any, make_loop: Any, tmp_path: Path) -> None:
    board = make_board(scalar_every=3)
    make_loop().run(board, until=2)
    state = json.loads(json.dumps(board.state_dict()))
    assert (tmp_path / "run" / state["events"]["name"]).stat().st_size == state["events"]["length"]
    assert state["curves"]["samples"] == 6
    board._events.close()


def test_what_cannot_be_drawn_is_told_and_does_not_end_the_run(
    make_board: Any, make_loop: Any, read_events: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> Any:
        raise ZeroDivisionError("no\nfilters")

    monkeypatch.setattr(layer_figures, "draw_kernels", fail)
    with caplog.at_level(logging.DEBUG):
        make_loop(epochs=1).run(make_board())
    events = read_events()
    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert warning.getMessage() == "TensorBoard lacks kernels at step 0: ZeroDivisionError: no filters"
    assert warning.exc_info is None
    assert any(record.exc_info for record in caplog.records if record.levelno == logging.DEBUG)
    assert events.text("problems/kernels").splitlines() == [
        "Not shown at step 0: ZeroDivisionError: no filters",
        "Not shown at step 4: ZeroDivisionError: no filters",
    ]
    assert "feature_maps/conv" in events.tags("images")


def test_what_a_network_cannot_have_is_told_once(
    make_board: Any, make_loop: Any, read_events: Any, caplog: pytest.LogCaptureFixture
) -> None:
    loop = make_loop(epochs=4)
    loop.model.out = nn.Sequential(nn.Unflatten(1, (80, 1, 1)), nn.Conv2d(80, 3, 1), nn.Flatten())
    board = make_board(level="full")
    loop.run(board, until=4)
    resumed = make_board(level="full")
    resumed.load_state_dict(json.loads(json.dumps(board.state_dict())))
    board._events.close()
    loop.run(resumed)
    assert read_events().text("problems/projector") == (
        "Not shown: no linear layer runs in this network, so there is no last hidden layer to embed."
    )
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_warnings_are_a_text_and_in_the_record_of_the_network(
    make_board: Any, make_loop: Any, read_events: Any
) -> None:
    first = TrainingWarning("softmax", "It ends with softmax.", "Leave it out.", "out")
    found = [first, TrainingWarning("not used", "A layer is not used.", "Leave it out.", is_harmless=True)]

    loop, board = make_loop(epochs=2), make_board(level="minimal", warnings=found)
    board.on_fit_start(loop.start())
    board.on_step(loop.step())
    found.append(TrainingWarning("at chance", "It is at chance.", "Check."))
    board.on_epoch_end(loop.epoch_end())
    board.on_epoch_end(loop.epoch_end())
    board.on_fit_end(FitEnd("finished", loop.global_step, 1, None, {}))
    events = read_events()
    assert events.text("problems/network").splitlines()[2:] == [  # each step has all of them
        "- It ends with softmax. Leave it out.",
        "- A layer is not used. Leave it out.",
        "- It is at chance. Check.",
    ]
    assert events.steps("problems/network") == [0, 1]
    records = [json.loads(event.tensor_proto.string_val[0]) for event in events.reader.Tensors("layers/network")]
    assert [[warning["word"] for warning in record["warnings"]] for record in records] == [
        ["softmax"],
        ["softmax", "at chance"],
    ]
    assert records[0]["warnings"][0] == {"layer": "out", "word": "softmax", "sentence": str(first)}
    assert records[0]["rows"] == records[1]["rows"]


def test_a_network_that_cannot_be_traced_has_its_reason_among_the_texts(
    make_board: Any, make_loop: Any, read_events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.jit.trace", lambda *_, **__: 1 / 0)
    make_loop(epochs=1).run(make_board())
    events = read_events()
    assert events.reader.Tags()["graph"]
    assert "strict tracing failed (ZeroDivisionError: division by zero)" in events.text("graph")


def test_a_failed_run_keeps_its_last_point_and_its_reason(make_board: Any, make_loop: Any, read_events: Any) -> None:
    loop, board = make_loop(), make_board(scalar_every=50)
    loop.run(board, until=3)
    board.on_fit_end(FitEnd("failed", 3, 0, None, {}, "The loss is nan."))
    events = read_events()
    assert events.steps("loss/train") == [1, 3]
    assert events.text("problems/training") == "The loss is nan."
    assert "accuracy/test" not in events.tags("scalars")


def test_a_pruned_run_is_a_success_that_says_why_it_ended(make_board: Any, make_loop: Any, read_events: Any) -> None:
    loop, board = make_loop(), make_board()
    loop.run(board, until=3)
    board.on_fit_end(FitEnd("pruned", 3, 1, loop.evaluate(loop.dataset.test), {}, "epoch 1: too bad"))
    events = read_events()
    assert events.text("problems/training") == "Pruned: epoch 1: too bad"
    assert "accuracy/test" in events.tags("scalars")


def test_a_run_that_failed_before_it_began_writes_nothing(make_board: Any, tmp_path: Path) -> None:
    make_board().on_fit_end(FitEnd("failed", 0, 0, None, {}, "The GPU is gone."))
    assert not (tmp_path / "run").exists()


def test_a_full_disk_ends_the_run(make_board: Any, make_loop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise RunError("No space left on device.")

    board = make_board()
    monkeypatch.setattr(EventFile, "write_graph", fail)
    with pytest.raises(RunError, match="No space left"):
        board.on_fit_start(make_loop().start())
    board._events.close()


def test_texts_say_what_was_run(make_board: Any, make_loop: Any, read_events: Any) -> None:
    make_loop(epochs=1).run(make_board(level="minimal"))
    events = read_events()
    assert "| `optimizer.lr` | `0.1` |\n| `optimizer.nesterov` | `true` |" in events.text("config")
    assert "| torch | 2 |" in events.text("environment")
    assert "| conv | Conv2d |" in events.text("layers")


def test_no_point_waits_for_a_read_of_the_device(
    make_board: Any, make_loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    board, loop = make_board(scalar_every=50), make_loop(epochs=30)
    board.on_fit_start(loop.start())
    board.on_step(loop.step())
    monkeypatch.setattr(torch.Tensor, "tolist", lambda _: pytest.fail("a step was read"))
    monkeypatch.setattr(torch.Tensor, "item", lambda _: pytest.fail("a step was read"))
    for _ in range(20):
        board.on_step(loop.step())
    board._events.close()
