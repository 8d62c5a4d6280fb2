"""What a real TensorBoard serves of a real run."""

import json
from pathlib import Path
from typing import Any

import pytest

EPOCHS, STEPS = 2, 21  # of the digits
RUN = "digits/lenet"


def steps(server: Any, tag: str) -> list[int]:
    return [step for _, step, _ in server.get("data/plugin/scalars/scalars", run=RUN, tag=tag)]


def test_the_runs_name_is_its_path(server: Any) -> None:
    assert server.get("data/runs") == [RUN]


def test_scalars_come_once_a_step(server: Any) -> None:
    assert set(server.get("data/plugin/scalars/tags")[RUN]) >= {
        *("loss/train", "loss/val", "loss/test", "accuracy/train", "accuracy/val", "accuracy/test"),
        *("lr", "throughput/images_per_second", "gradients/norm", "activations/conv1/dead_fraction"),
    }
    assert steps(server, "loss/train") == list(range(1, EPOCHS * STEPS + 1))
    assert steps(server, "accuracy/val") == [STEPS, EPOCHS * STEPS]
    assert steps(server, "accuracy/test") == [EPOCHS * STEPS]


@pytest.mark.parametrize("tag", ["kernels/conv1", "kernels/conv2", "feature_maps/conv1", "input/probe"])
def test_pictures_are_served_for_each_epoch_they_were_drawn_at(server: Any, tag: str) -> None:
    pictures = server.get("data/plugin/images/images", run=RUN, tag=tag, sample="0")
    assert [picture["step"] for picture in pictures] == [0, STEPS, EPOCHS * STEPS]
    content = server.get(f"data/plugin/images/individualImage?{pictures[-1]['query']}")
    assert content.startswith(b"\x89PNG")


@pytest.mark.parametrize("tag", ["confusion_matrix/val", "misclassified/val"])
def test_pictures_of_predictions_are_served_for_each_trained_epoch(server: Any, tag: str) -> None:
    pictures = server.get("data/plugin/images/images", run=RUN, tag=tag, sample="0")
    assert [picture["step"] for picture in pictures] == [STEPS, EPOCHS * STEPS]


def test_the_graph_is_served(server: Any) -> None:
    assert server.get("data/plugin/graphs/info")[RUN]["run_graph"]
    graph = server.get("data/plugin/graphs/graph", run=RUN, conceptual="false").decode()
    assert "aten::_convolution" in graph
    assert "LeNet" in graph


@pytest.mark.parametrize("plugin", ["histograms", "distributions"])
@pytest.mark.parametrize("tag", ["weights/conv1/weight", "gradients/conv1/weight", "activations/conv1"])
def test_histograms_are_served(server: Any, plugin: str, tag: str) -> None:
    events = server.get(f"data/plugin/{plugin}/{plugin}", run=RUN, tag=tag)
    assert [step for _, step, _ in events][-2:] == [STEPS, EPOCHS * STEPS]


def test_texts_are_served_as_html(server: Any) -> None:
    texts = {tag: server.get("data/plugin/text/text", run=RUN, tag=tag) for tag in ("config", "layers", "environment")}
    assert "<td><code>trainer.max_epochs</code></td>\n<td><code>2</code></td>" in texts["config"][0]["text"]
    assert "<td>Conv2d</td>" in texts["layers"][0]["text"]
    assert "<table>" in texts["environment"][0]["text"]


def test_the_run_is_one_row_of_hparams_with_the_metrics_of_its_result(server: Any, finished_run: Path) -> None:
    statuses = [f"STATUS_{status}" for status in ("UNKNOWN", "SUCCESS", "FAILURE", "RUNNING")]
    question = {"allowedStatuses": statuses, "colParams": [], "startIndex": 0, "sliceSize": 10}
    (row,) = server.post("data/plugin/hparams/session_groups", question)["sessionGroups"]
    assert row["name"] == RUN
    assert row["hparams"]["optimizer.lr"] > 0
    assert row["hparams"]["optimizer.nesterov"] is True
    assert row["hparams"]["trainer.max_epochs"] == EPOCHS
    metrics = {metric["name"]["tag"]: metric["value"] for metric in row["metricValues"]}
    result = json.loads((finished_run / RUN / "result.json").read_text())["metrics"]
    assert {name: metrics[f"best/{name}"] for name in result} == pytest.approx(result)
    assert set(metrics) == {f"best/{name}" for name in (*result, "accuracy/train", "loss/train")}
    (session,) = row["sessions"]
    assert session["status"] == "STATUS_SUCCESS"
    assert session["endTimeSecs"] > session["startTimeSecs"]


def test_the_layout_lays_training_over_validation(server: Any) -> None:
    layout = server.get("data/plugin/custom_scalars/layout")
    charts = {chart["title"]: chart["multiline"]["tag"] for chart in layout["category"][0]["chart"]}
    assert charts == {
        "loss": ["^loss/train$", "^loss/val$"],
        "accuracy": ["^accuracy/train$", "^accuracy/val$"],
    }
    answer = server.get("data/plugin/custom_scalars/scalars", run=RUN, tag="^loss/(train|val)$")
    assert set(answer["tag_to_events"]) == {"loss/train", "loss/val"}


def test_precision_recall_curves_are_served_for_each_class(server: Any) -> None:
    tags = server.get("data/plugin/pr_curves/tags")[RUN]
    assert set(tags) == {f"precision_recall/{digit}" for digit in range(10)}
    (curve,) = server.get("data/plugin/pr_curves/pr_curves", run=RUN, tag="precision_recall/3").values()
    assert [point["step"] for point in curve] == [STEPS, EPOCHS * STEPS]
    assert len(curve[-1]["precision"]) == len(curve[-1]["recall"]) > 1  # TensorBoard leaves out where recall is 0
    assert curve[-1]["recall"][0] == 1


def test_the_projector_serves_vectors_labels_and_images(server: Any) -> None:
    assert server.get("data/plugin/projector/runs") == [RUN]
    (embedding,) = server.get("data/plugin/projector/info", run=RUN)["embeddings"]
    name = embedding["tensorName"]
    assert embedding["tensorShape"] == [250, 84]
    assert len(server.get("data/plugin/projector/tensor", run=RUN, name=name)) == 250 * 84 * 4
    header, *labels = server.get("data/plugin/projector/metadata", run=RUN, name=name).decode().splitlines()
    assert header.split("\t") == ["true", "predicted", "right/wrong"]
    assert len(labels) == 250
    for true, predicted, verdict in (label.split("\t") for label in labels):
        assert verdict == ("right" if true == predicted else "wrong")
    assert server.get("data/plugin/projector/sprite_image", run=RUN, name=name).startswith(b"\x89PNG")
