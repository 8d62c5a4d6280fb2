"""Rows of values that belong together, each for a trial: `sweep.trials=`, a list or a file."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from convboard.config.command_line import format_value
from convboard.config.error_messages import explain
from convboard.config.known_keys import keys, unknown_key
from convboard.config.override_values import with_quoted_texts
from convboard.config.schema import GROUPS, OPEN_GROUPS, TrainConfig
from convboard.config.stored_config import HydraLoader
from convboard.config.yaml_limits import read_yaml_text
from convboard.errors import ConfigError
from convboard.experiment.console import counted
from convboard.files import read_text
from convboard.sweeps.grid import values_of

_LONGEST = 10_000_000  # bytes of a CSV file
_DELIMITERS = ",;\t"
_EXAMPLE = "[{optimizer.lr:0.1,batch_size:32},{optimizer.lr:0.2,batch_size:64}]"
_KNOWN = {"experiment", *(key for key, _ in keys(TrainConfig))}

_NEVER = ("resume", "repeat", "sweep", "hydra")

Row = Mapping[str, str]


def read_rows(trials: str | None) -> list[Row]:
    """Read the rows that `sweep.trials` names.

    Args:
        trials: A list of dictionaries in Hydra's syntax, or the path of a CSV or YAML file. None gives one empty row.

    Returns:
        The values of each row, by key, as texts that Hydra reads as these values.

    Raises:
        ConfigError: The file cannot be read, a key is not known, or a row is broken.
    """
    if trials is None:
        return [{}]
    rows = [_checked(where, row) for where, row in _texts(trials)]
    if not rows:
        raise ConfigError(f"sweep.trials={trials} has no row: the sweep has no trials.")
    return rows


def _texts(trials: str) -> Iterator[tuple[str, Row]]:
    """Yield where each row is, and its values as they are written."""
    if trials.lstrip().startswith("["):
        yield from _of_list(trials)
        return
    if trials.lstrip().startswith("{"):
        raise ConfigError(f"sweep.trials={trials}: a list needs [ ]. Write it as {_EXAMPLE}.")
    path = Path(trials)
    if not path.exists():
        raise ConfigError(f"sweep.trials={trials}: there is no such file. A list is written as {_EXAMPLE}.")
    try:
        match path.suffix.lower():
            case ".csv" | ".tsv":
                yield from _of_csv(path)
            case ".yaml" | ".yml" | ".json":
                yield from _of_yaml(path)
            case _:
                raise ConfigError(f"sweep.trials={trials}: give a file whose name ends in .csv, .yaml or .json.")
    except (OSError, UnicodeDecodeError, yaml.YAMLError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        reason = str(reason).replace('in "<unicode string>", ', "in ")
        raise ConfigError(f"sweep.trials={trials} cannot be read: {reason}.") from error


def _of_list(trials: str) -> Iterator[tuple[str, Row]]:
    try:
        rows = OverridesParser.create().parse_override(f"trials={trials}").value()
    except HydraException as error:
        raise ConfigError(f"sweep.trials={trials} is not understood: write a list as {_EXAMPLE}.") from error
    assert isinstance(rows, list)
    for number, row in enumerate(rows, 1):
        where = f"sweep.trials, row {number}"
        yield where, _as_texts(where, row)


def _of_yaml(path: Path) -> Iterator[tuple[str, Row]]:
    loader = HydraLoader(read_yaml_text(path))
    node = loader.get_single_node()
    if node is not None and not isinstance(node, yaml.SequenceNode):
        raise ConfigError(f"{path} must be a list of rows, such as - {{optimizer.lr: 0.1, batch_size: 32}}.")
    for row in node.value if node is not None else ():
        where = f"{path}, line {row.start_mark.line + 1}"
        yield where, _as_texts(where, loader.construct_object(row, deep=True))


def _of_csv(path: Path) -> Iterator[tuple[str, Row]]:
    text = read_text(path, _LONGEST).removeprefix("\ufeff")
    delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    columns: list[str] = []
    for cells in reader:
        where = f"{path}, line {reader.line_num}"
        cells = [cell.strip() for cell in cells]
        if not any(cells):
            continue
        if not columns:
            columns = cells
            _check_columns(where, columns)
        elif len(cells) != len(columns):
            numbers = f"{counted(len(cells), 'value')} for {counted(len(columns), 'column')}"
            raise ConfigError(f"{where}: {numbers}. A value with a {delimiter!r} in it needs double quotes.")
        else:
            yield where, dict(zip(columns, cells, strict=True))


def _check_columns(where: str, columns: Sequence[str]) -> None:
    """Check the first line of a CSV file."""
    for column in columns:
        if not column:
            raise ConfigError(f"{where}: a column has no name. The first line has the keys, such as optimizer.lr.")
        _check_key(where, column)
        if columns.count(column) > 1:
            raise ConfigError(f"{where}: the column {column} is there twice.")


def _as_texts(where: str, row: Any) -> Row:
    """Return a row of Python values as texts of overrides."""
    if not isinstance(row, dict) or not row:
        raise ConfigError(f"{where}: a row must be key: value pairs, such as {{optimizer.lr: 0.1, batch_size: 32}}.")
    texts: dict[str, str] = {}
    for key, value in row.items():
        if key in GROUPS and isinstance(value, dict):
            texts |= {f"{key}.{name}": format_value(item, quoted=True) for name, item in value.items()}
        else:
            texts[str(key)] = format_value(value, quoted=True)
    return texts


def _checked(where: str, row: Row) -> Row:
    for key in row:
        _check_key(where, key)
    return {key: _value(where, key, text) for key, text in row.items()}


def _check_key(where: str, key: str) -> None:
    name = key.lstrip("+")
    if name.partition(".")[0] in _NEVER:
        raise ConfigError(f"{where}: {key} cannot differ between the trials of a sweep.")
    is_open = name.partition(".")[0] in OPEN_GROUPS and re.fullmatch(r"\w+(\.\w+)+", name)
    if name not in _KNOWN and not is_open:
        raise ConfigError(f"{where}: {unknown_key(name, TrainConfig, ('experiment',))}")


def _value(where: str, key: str, text: str) -> str:
    """Return the text of a value as the overrides of a grid have it."""
    if not text:
        raise ConfigError(f"{where}: {key} has no value. Write null, or '' for an empty text.")
    given = f"{key}={text}"
    try:
        (override,) = OverridesParser.create().parse_overrides(with_quoted_texts([given]))
        if override.is_sweep_override():
            raise ConfigError(f"{given} gives several values. A row has one of each key; a list is written as [...].")
        return values_of(key, override)[0]
    except (HydraException, ConfigError) as error:
        raise ConfigError(f"{where}: {explain(error, TrainConfig, [given]) or error}") from error
