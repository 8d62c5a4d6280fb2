"""What is known of the runs of a log directory: model, data, learning rate, accuracy, state, and the whole config.

The config and the state are in the records of the HParams tab, the accuracies among the scalars. Runs of any version
of convboard are read; what a run lacks, or has in a form that is not understood, is None.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import STATUS_SUCCESS
from tensorboard.plugins.hparams.error import HParamsError

from convboard.board import tags

Config = dict[str, Any]  # values by key, joined by dots
METRICS = (tags.ACCURACY_VAL, tags.ACCURACY_TEST, tags.ACCURACY_TRAIN, tags.LOSS_VAL, tags.LOSS_TEST)


@dataclass(frozen=True)
class Session:
    """The records of the HParams tab of one run.

    Attributes:
        config: The config; empty where it is not known.
        started: Seconds since 1970; 0 where it is not known.
        state: `finished`, `failed`, or `unfinished`: running, stopped or killed.
    """

    config: Config
    started: float
    state: str


@dataclass(frozen=True)
class RunEntry:
    """A run in a list of runs.

    Attributes:
        name: Its path below the log directory.
        model: Class or function that made the network.
        dataset: Name of the data set, or of the folder of pictures.
        lr: Learning rate.
        accuracy: On the validation split, of the best epoch so far, 0 to 1.
        state: See `Session`.
        started: See `Session`.
    """

    name: str
    model: str | None
    dataset: str | None
    lr: float | None
    accuracy: float | None
    state: str
    started: float

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


@dataclass(frozen=True)
class Best:
    """The best epoch of a run.

    Attributes:
        step: Global step at its end.
        metrics: Its metrics by the names that they have in the run's result.
    """

    step: int
    metrics: dict[str, float]


def read_session(contents: Mapping[str, bytes]) -> Session:
    """Read the records of a run.

    Args:
        contents: The content of each record by tag; a record that is damaged counts as missing.
    """
    start, end = (
        _parsed(parse, contents.get(tag))
        for tag, parse in (
            (metadata.SESSION_START_INFO_TAG, metadata.parse_session_start_info_plugin_data),
            (metadata.SESSION_END_INFO_TAG, metadata.parse_session_end_info_plugin_data),
        )
    )
    values = {} if start is None else {key: _plain(value) for key, value in start.hparams.items()}
    state = "unfinished" if end is None else "finished" if end.status == STATUS_SUCCESS else "failed"
    return Session(values, 0.0 if start is None else start.start_time_secs, state)


def entry(name: str, session: Session, best: Best | None, started: float | None) -> RunEntry:
    """The entry of a run.

    Args:
        name: Its name.
        session: Its records.
        best: Its best epoch, if there is one.
        started: The time of its first event, for a run without records.
    """
    config = session.config
    folder = str(config.get("dataset.path") or "null").rstrip("/").rpartition("/")[2]
    dataset = (folder if folder != "null" else config.get("dataset.name")) or config.get("dataset")
    lr = config.get("optimizer.lr")
    return RunEntry(
        name=name,
        model=str(config.get("model._target_") or "").rpartition(".")[2] or config.get("model") or None,
        dataset=dataset or None,
        lr=lr if isinstance(lr, float) else None,
        accuracy=None if best is None else best.metrics.get(tags.ACCURACY_VAL),
        state=session.state,
        started=session.started or started or 0.0,
    )


def best_of_last(last: Mapping[str, Any]) -> Best | None:
    """The best epoch from the last points of its own curves; None where the run has none.

    Args:
        last: The last point (`step`, `value`) by tag.
    """
    metrics = {tag: point.value for tag in METRICS if (point := last.get(tags.best(tag)))}
    accuracy = last.get(tags.best(tags.ACCURACY_VAL))
    return None if accuracy is None else Best(accuracy.step, metrics)


def best_of_curves(curves: Mapping[str, Sequence[Any]]) -> Best | None:
    """The best epoch of a run of an earlier version: by accuracy and then by loss, the first of equal ones.

    Args:
        curves: The points (`step`, `value`) of `accuracy/val` and `loss/val`, and of `accuracy/test` and `loss/test`.
    """
    losses = {point.step: point.value for point in curves.get(tags.LOSS_VAL, ())}
    accuracies = {point.step: point.value for point in curves.get(tags.ACCURACY_VAL, ())}
    if not accuracies:
        return None
    step = max(sorted(accuracies), key=lambda at: (accuracies[at], -losses.get(at, 0.0)))
    metrics = {tags.ACCURACY_VAL: accuracies[step]}
    if step in losses:
        metrics[tags.LOSS_VAL] = losses[step]
    tests = {tag: points[-1].value for tag in (tags.ACCURACY_TEST, tags.LOSS_TEST) if (points := curves.get(tag))}
    return Best(step, {**metrics, **tests})


def _parsed(parse: Any, content: bytes | None) -> Any:
    try:
        return None if content is None else parse(content)
    except (HParamsError, DecodeError):
        return None


def _plain(value: Any) -> Any:
    """A value of the record; lists and None, which it holds as JSON, stay as they are written."""
    kind = value.WhichOneof("kind")
    return getattr(value, kind) if kind in ("bool_value", "number_value", "string_value") else json.dumps(None)
