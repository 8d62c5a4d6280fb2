"""The run's row in TensorBoard's HParams tab, and the tab's columns; all in the run's own event file.

The row has every key of the config. The columns are in an Experiment record: without one, the tab shows a column for
each scalar of each layer, and the last point of a curve in place of the best epoch's. TensorBoard takes the columns of
all runs from one of them, so the columns are the same in every run, or in every run of a sweep.

TensorBoard shows a group of runs as one row, with the means of their metrics. The seeds of a setting of a sweep are a
group; any other run is a group of its own.
"""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tensorboard.plugins.hparams.api_pb2 import (
    DATA_TYPE_BOOL,
    DATA_TYPE_FLOAT64,
    DATA_TYPE_STRING,
    DataType,
    Experiment,
    HParamInfo,
    MetricInfo,
    MetricName,
    Status,
)
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo

from convboard.board import summaries, tags

# The plugin finds its records by these tags.
_EXPERIMENT_TAG = "_hparams_/experiment"
START_TAG = "_hparams_/session_start_info"
END_TAG = "_hparams_/session_end_info"

_SEED = "seed"
_GROUPS = ("model", "optimizer", "scheduler")  # with a `_target_` and arguments of any name
# The columns that are shown from the beginning: TensorBoard shows five, and of those the ones that are said to differ.
_FIRST = ("dataset", "model", "optimizer", "optimizer.lr", "seed")
_NUMBERS = (
    *("optimizer.lr", "seed", "batch_size", "optimizer.momentum", "optimizer.weight_decay", "scheduler.warmup_epochs"),
    *("loss.label_smoothing", "trainer.max_epochs", "trainer.accumulate_batches"),
    *("dataset.random_crop", "dataset.cutout"),
)
_SWITCHES = ("dataset.horizontal_flip",)
_TEXTS = (
    *("dataset", "trainer.precision", "trainer.gradient_clip", "trainer.patience", "dataset.image_size"),
    *_GROUPS,
    *(f"{group}.*" for group in _GROUPS),
)
_METRICS = (tags.ACCURACY_VAL, tags.ACCURACY_TEST, tags.ACCURACY_TRAIN, tags.LOSS_VAL, tags.LOSS_TEST, tags.LOSS_TRAIN)


@dataclass(frozen=True)
class SweepRow:
    """What sets the row of a run apart in the HParams tab, if the run is one of a sweep.

    Attributes:
        group: The name of its setting, which runs with other seeds have too; empty for a run of no sweep.
        swept: The values in which the runs of the sweep differ, as texts by key.
    """

    group: str = ""
    swept: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys that are shown first. A row of several seeds has no seed."""
        return tuple(key for key in map(_key, self.swept) if key != _SEED) if self.group else _FIRST


ALONE = SweepRow()


def experiment(config: Mapping[str, Any], row: SweepRow = ALONE) -> summaries.Value:
    """Return the columns. A metric is that of the best epoch, under the name that it has in the run's result.

    Args:
        config: The config of the run.
        row: What is known of its sweep.
    """
    values = _values(config, row)
    usual = {
        **dict.fromkeys(_NUMBERS, DATA_TYPE_FLOAT64),
        **dict.fromkeys(_SWITCHES, DATA_TYPE_BOOL),
        **dict.fromkeys(_TEXTS, DATA_TYPE_STRING),
    }
    columns = {**usual, **{key: _type(values.get(key)) for key in row.columns if row.group}}
    if _SEED in row.swept:
        del columns[_SEED]
    infos = [HParamInfo(name=name, type=kind, differs=name in row.columns) for name, kind in columns.items()]
    tested = f"{str(config.get('objective')).partition('/')[0]}/test"
    tags_shown = sorted(_METRICS, key=lambda tag: (tag != config.get("objective"), tag != tested))
    metrics = [MetricInfo(name=MetricName(tag=tags.best(tag)), display_name=tag) for tag in tags_shown]
    content = HParamsPluginData(experiment=Experiment(hparam_infos=infos, metric_infos=metrics))
    return summaries.hparams(_EXPERIMENT_TAG, content.SerializeToString())


def session_start(config: Mapping[str, Any], row: SweepRow = ALONE) -> summaries.Value:
    """Return the hyperparameters of the row: every key of `config`, joined by dots, and what the columns summarise.

    Args:
        config: The config of the run.
        row: What is known of its sweep.
    """
    start = SessionStartInfo(start_time_secs=time.time(), group_name=row.group)
    for key, value in _values(config, row).items():
        target = start.hparams[key]
        if isinstance(value, bool):
            target.bool_value = value
        elif isinstance(value, (int, float)):
            target.number_value = value
        else:
            target.string_value = value
    return summaries.hparams(START_TAG, HParamsPluginData(session_start_info=start).SerializeToString())


def _values(config: Mapping[str, Any], row: SweepRow) -> dict[str, bool | int | float | str]:
    """Return the hyperparameters of a row.

    A swept key that is null has none: TensorBoard cannot sort a column of texts and numbers.
    """
    flat = flatten(config)
    values = {**flat, **dict(_summaries(config))}
    for name, text in row.swept.items():
        key = _key(name)
        values[key] = flat.get(key, text)
        if values[key] == "null":
            del values[key]
    return values


def _key(name: str) -> str:
    """Return the key of an override, which may begin with a plus sign."""
    return name.lstrip("+~")


def _type(value: object) -> DataType:
    if isinstance(value, bool):
        return DATA_TYPE_BOOL
    return DATA_TYPE_STRING if isinstance(value, str) else DATA_TYPE_FLOAT64


def session_end(*, finished: bool) -> summaries.Value:
    """The row's status, success or failure, and its end time."""
    status = Status.STATUS_SUCCESS if finished else Status.STATUS_FAILURE
    end = SessionEndInfo(status=status, end_time_secs=time.time())
    return summaries.hparams(END_TAG, HParamsPluginData(session_end_info=end).SerializeToString())


def best_epoch(metrics: Mapping[str, float]) -> list[summaries.Value]:
    """The metrics of the best epoch so far, by the names that they have in the run's result."""
    return [summaries.scalar(tags.best(name), value) for name, value in metrics.items()]


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, bool | int | float | str]:
    """Flatten nested mappings, keys joined by dots; None, lists and other types that the plugin lacks become JSON."""
    flat: dict[str, bool | int | float | str] = {}
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{name}.")
        elif isinstance(value, (bool, int, float, str)):
            flat[name] = value
        else:
            flat[name] = json.dumps(value, default=str)
    return flat


def _summaries(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a class or a folder is called, and the arguments that have no column of their own."""
    for group in _GROUPS:
        node = config.get(group) or {}
        rest = {name: value for name, value in flatten(node).items() if f"{group}.{name}" not in _NUMBERS}
        yield group, str(rest.pop("_target_", "")).rpartition(".")[2]
        yield f"{group}.*", ", ".join(f"{name}={value}" for name, value in rest.items())
    dataset = config.get("dataset") or {}
    folder = str(dataset.get("path") or "").rstrip("/").rpartition("/")[2]
    yield "dataset", folder or str(dataset.get("name", ""))
