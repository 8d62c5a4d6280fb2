"""What a real TensorBoard serves to the Layers tab of a real run."""

import urllib.error
from typing import Any

import numpy as np
import pytest

from convboard.board.figures.embedded_arrays import unpack

STEPS = [0, 21, 42]  # at which pictures of two epochs on the digits are drawn
RUN = "digits/lenet"
ROOT = "data/plugin/layers"


def numbers(server: Any, tag: str, place: int = -1) -> Any:
    """Facts and arrays of one of the run's pictures."""
    key = server.get(f"{ROOT}/run", run=RUN)["pictures"][tag][place]["key"]
    return unpack(server.get(f"{ROOT}/numbers", key=key))


def test_the_tab_is_listed(server: Any) -> None:
    listed = server.get("data/plugins_listing")["layers"]
    assert listed["enabled"]
    assert listed["tab_name"] == "Layers"
    module = listed["loading_mechanism"]["module_path"]
    assert b"function render()" in server.get(module.lstrip("/"))


def test_the_run_has_a_network(server: Any) -> None:
    listed = server.get(f"{ROOT}/runs")
    (entry,) = listed["runs"]
    assert listed["others"] == []
    run = server.get(f"{ROOT}/run", run=RUN)
    network, best = run["network"], run["best"]
    assert (entry["name"], entry["model"], entry["dataset"], entry["state"]) == (RUN, "LeNet", "digits", "finished")
    assert (entry["lr"], entry["accuracy"]) == (run["config"]["optimizer.lr"], best["metrics"]["accuracy/val"])
    assert best["step"] in STEPS[1:]
    assert (network["name"], network["dataset"]) == ("LeNet", "digits")
    assert (network["steps_per_epoch"], network["max_epochs"]) == (21, 2)
    assert {"conv1", "conv2", "fc3"} <= {row["name"] for row in network["rows"]}


def test_pictures_have_a_key_for_each_epoch_they_were_drawn_at(server: Any) -> None:
    pictures = server.get(f"{ROOT}/run", run=RUN)["pictures"]
    assert set(pictures) == {
        *(f"{kind}/{layer}" for kind in ("kernels", "feature_maps") for layer in ("conv1", "conv2")),
        *(f"weight_matrix/{layer}" for layer in ("fc1", "fc2", "fc3")),
        "input/probe",
    }
    assert all([picture["step"] for picture in drawn] == STEPS for drawn in pictures.values())


def test_the_feature_maps_can_be_computed_from_the_numbers(server: Any) -> None:
    kernels, weights = numbers(server, "kernels/conv2")
    facts, maps = numbers(server, "feature_maps/conv2")
    assert kernels["epoch"] == facts["epoch"] == 2
    kernel = weights["weight"][3]
    row, column = 4, 6
    window = maps["input"][0, :, row : row + 5, column : column + 5]
    value = (kernel * window).sum(dtype=np.float64) + weights["bias"][3]
    assert maps["before"][0, 3, row, column] == pytest.approx(value, rel=1e-2, abs=1e-2)


def test_the_probe_has_logits_and_vectors(server: Any) -> None:
    facts, arrays = numbers(server, "input/probe")
    count = len(facts["names"])
    assert arrays["images"].shape[0] == count
    assert arrays["logits"].shape == (count, len(facts["class_names"]))
    np.testing.assert_allclose(arrays["vector:fc3"], arrays["logits"], rtol=1e-2, atol=1e-2)


def test_curves_of_each_layer(server: Any) -> None:
    health = server.get(f"{ROOT}/health", run=RUN)
    assert set(health["conv1"]) == {"mean", "std", "dead_fraction", "gradient_norm"}
    assert set(health["fc3"]) == {"mean", "std", "gradient_norm"}
    assert [step for step, _ in health["conv1"]["mean"]] == STEPS
    assert [step for step, _ in health["fc3"]["gradient_norm"]] == STEPS[1:]


def test_unknown_runs_and_keys_are_not_found(server: Any) -> None:
    other = server.get("data/plugin/images/images", run=RUN, tag="misclassified/val", sample="0")[0]["query"]
    for address in (
        *("run?run=x", "run", "health?run=x", "numbers", "numbers?key=x", "static/backend.py", "static/../runs.py"),
        f"numbers?{other.replace('blob_key', 'key')}",
    ):
        with pytest.raises(urllib.error.HTTPError) as raised:
            server.get(f"{ROOT}/{address}")
        assert raised.value.code == 404, address
        raised.value.close()
