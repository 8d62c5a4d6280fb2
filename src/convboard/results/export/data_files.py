"""Tables for programs: CSV, JSON and Parquet."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from convboard.config.command_line import format_value, pip_install, printable
from convboard.errors import ConfigError

Columns = Mapping[str, Sequence[Any]]
# A spreadsheet program runs a cell that begins like this as a formula.
_FORMULA = ("=", "+", "-", "@")


def as_csv(columns: Columns) -> str:
    r"""Return a table as CSV (RFC 4180, but with line feeds), with empty cells where there is no value.

    A text that a spreadsheet program would run as a formula begins with an apostrophe, which makes it a text there.
    Control characters are written as in Python, such as `\n`.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([_cell(name) for name in columns])
    writer.writerows([_cell(value) for value in row] for row in zip(*columns.values(), strict=True))
    return file.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return format_value(value)
    text = printable(value).replace("\n", "\\n").replace("\t", "\\t")
    return f"'{text}" if text.startswith(_FORMULA) else text


def as_json(columns: Columns) -> str:
    """Return a table as JSON: a list with an object for each row.

    Numbers that JSON does not have, NaN and the infinities, are null, as is a value that is missing.
    """
    rows = [dict(zip(columns, map(_finite, row), strict=True)) for row in zip(*columns.values(), strict=True)]
    return json.dumps(rows, indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_parquet(columns: Columns) -> bytes:
    """Return a table as Parquet. A column that has both numbers and texts has texts.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    try:
        import pyarrow  # an optional dependency
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigError(
            f"format=parquet needs pyarrow: {pip_install('pyarrow>=25,<26')}. format=csv and format=json need nothing."
        ) from error
    table = pyarrow.table({name: _of_one_type(values) for name, values in columns.items()})
    file = io.BytesIO()
    pyarrow.parquet.write_table(table, file)
    return file.getvalue()


def _of_one_type(values: Sequence[Any]) -> list[Any]:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float}:
        return [float(value) if value is not None and float in kinds else value for value in values]
    if len(kinds) < 2:
        return list(values)
    return [None if value is None else format_value(value) for value in values]
