import json
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convboard.anatomy.outputs import layer_outputs
from convboard.anatomy.summary import layer_table, network_record, receptive_field
from convboard.errors import ModelError


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


class WithFacts(nn.Module):
    """A picture and five numbers beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.facts, self.fc = nn.Conv2d(1, 2, 3), nn.Linear(5, 4), nn.Linear(2 * 6 * 6 + 4, 3)

    def forward(self, x: Tensor, facts: Tensor) -> Tensor:
        both = torch.cat([self.conv(x).flatten(1), self.facts(facts)], 1)
        out: Tensor = self.fc(both)
        return out


def test_a_network_of_several_inputs() -> None:
    rows = {row.name: row for row in layer_table(WithFacts(), [(1, 8, 8), (5,)])}
    facts = rows["facts"]
    assert (facts.input_shape, facts.output_shape, facts.macs, facts.receptive_field) == ((5,), (4,), 20, None)
    assert (rows["fc"].output_shape, rows["fc"].receptive_field) == ((3,), (8, 8))
    assert receptive_field(WithFacts(), [(1, 8, 8), (5,)], "conv", 1, 2) == (1, 2, 4, 5)
    outputs = layer_outputs(WithFacts(), (torch.zeros(2, 1, 8, 8), torch.ones(2, 5)))
    assert {name: tuple(output.shape) for name, output in outputs.items()} == {
        "conv": (2, 2, 6, 6),
        "facts": (2, 4),
        "fc": (2, 3),
    }


@pytest.mark.parametrize("shapes", [[(1, 8), (5,)], [(1, 8, 8), "abc"], [(1, 8, 8), 5]])
def test_shapes_of_several_inputs_that_are_none(shapes: Any) -> None:
    with pytest.raises(ModelError, match=r"The (input shape|shape of a further input) is "):
        layer_table(WithFacts(), shapes)
