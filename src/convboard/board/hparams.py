"""The run's row in TensorBoard's HParams tab: the start and the end of a session, in the run's own event file.

No Experiment record is written: it would fix the columns for all runs, and hide those that the first run lacks. The
metrics in the row are the last values of the run's scalars. Each run is a group of its own, so that one run is one row.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

from tensorboard.plugins.hparams.api_pb2 import Status
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo

from convboard.board import summaries

# The plugin finds its records by these tags.
_START_TAG = "_hparams_/session_start_info"
_END_TAG = "_hparams_/session_end_info"


def session_start(config: Mapping[str, Any]) -> summaries.Value:
    """The row's hyperparameters: every key of `config`, joined by dots.

    Of a `_target_` only the class name is kept, by which rows can be distinguished in a narrow column.
    """
    start = SessionStartInfo(start_time_secs=time.time())
    for key, value in flatten(config).items():
        target = start.hparams[key]
        if isinstance(value, bool):
            target.bool_value = value
        elif isinstance(value, (int, float)):
            target.number_value = value
        else:
            target.string_value = value.rpartition(".")[2] if key.endswith("_target_") else value
    return summaries.hparams(_START_TAG, HParamsPluginData(session_start_info=start).SerializeToString())


def session_end(*, finished: bool) -> summaries.Value:
    """The row's status, success or failure, and its end time."""
    status = Status.STATUS_SUCCESS if finished else Status.STATUS_FAILURE
    end = SessionEndInfo(status=status, end_time_secs=time.time())
    return summaries.hparams(_END_TAG, HParamsPluginData(session_end_info=end).SerializeToString())


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
