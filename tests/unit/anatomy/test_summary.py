import json
from typing import Any

from torch import nn

from convboard.anatomy.summary import network_record


def test_the_record_is_what_json_has() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3))
    record: dict[str, Any] = json.loads(json.dumps(network_record(model, (1, 4, 5))))
    assert (record["version"], record["input_shape"]) == (1, [1, 4, 5])
    assert [row["name"] for row in record["rows"]] == ["0", "1", "2", "3"]
    assert record["rows"][1]["inputs"] == ["0"]
    assert record["boxes"].keys() == {"0", "1"}
    assert record["boxes"]["1"] == {"rows": [[0, 3], [1, 4]], "columns": [[0, 3], [1, 5]]}


def test_the_record_says_how_averages_divide() -> None:
    model = nn.Sequential(nn.AvgPool2d(2, padding=1, divisor_override=3), nn.AvgPool2d(2, count_include_pad=False))
    assert network_record(model, (1, 8, 8))["averages"] == {
        "0": {"count_include_pad": True, "divisor_override": 3},
        "1": {"count_include_pad": False, "divisor_override": None},
    }
