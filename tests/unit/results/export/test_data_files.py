"""CSV, JSON and Parquet as other programs read them."""

import csv
import io
import json
import math
import sys
from typing import Any

import pyarrow.parquet
import pytest

from convboard.errors import ConfigError
from convboard.results.export.data_files import as_csv, as_json, as_parquet

COLUMNS: dict[str, list[Any]] = {
    "name, \"quoted\" 'so' 😀": ["a", "line\nend\x1b[2J", None],
    "lr": [0.1, None, 1e-05],
    "loss/val": [math.nan, math.inf, 1.0],
    "nesterov": [True, False, None],
    "n": [1, 2, None],
    "hidden": [3, "[3,3]", None],
}


def test_csv() -> None:
    head, *rows = csv.reader(io.StringIO(as_csv(COLUMNS)))
    assert head == [*COLUMNS]
    assert rows == [
        ["a", "0.1", "nan", "true", "1", "3"],
        ["line\\nend\\x1b[2J", "", "inf", "false", "2", "[3,3]"],
        ["", "1e-05", "1.0", "", "", ""],
    ]


def test_csv_has_no_formulas() -> None:
    """https://owasp.org/www-community/attacks/CSV_Injection."""
    text = as_csv({"reason": ["=cmd|' /C calc'!A0", "+1", "@SUM(A1)", "-1", "a=1"], "change": [-1, -0.5, 1, 2, 3]})
    assert [row[0][:2] for row in csv.reader(io.StringIO(text))][1:] == ["'=", "'+", "'@", "'-", "a="]
    assert [row[1] for row in csv.reader(io.StringIO(text))][1:] == ["-1", "-0.5", "1", "2", "3"]


def test_json() -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    text = as_json(COLUMNS)
    assert text.isascii()
    rows = json.loads(text, parse_constant=refuse)  # NaN is no JSON
    wanted = [dict(zip(COLUMNS, row)) for row in zip(*COLUMNS.values())]
    assert rows == [*({**row, "loss/val": None} for row in wanted[:2]), wanted[2]]


def test_parquet() -> None:
    columns = pyarrow.parquet.read_table(io.BytesIO(as_parquet(COLUMNS))).to_pydict()
    assert math.isnan(columns["loss/val"].pop(0))
    assert columns.pop("loss/val") == [math.inf, 1.0]
    assert columns.pop("hidden") == ["3", "[3,3]", None]
    assert columns == {name: COLUMNS[name] for name in columns}
    mixed = pyarrow.parquet.read_table(io.BytesIO(as_parquet({"lr": [1, 0.5, None]}))).to_pydict()
    assert mixed == {"lr": [1.0, 0.5, None]}


def test_parquet_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"pip install 'pyarrow>=25,<26'\. format=csv"):
        as_parquet(COLUMNS)
