"""The HParams tab of a sweep, by TensorBoard's own backend."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.hparams import api_pb2, list_session_groups
from tensorboard.plugins.hparams.backend_context import Context

from convboard.board import hparams
from convboard.board.event_file import EventFile
from convboard.board.hparams import SweepRow


def write_run(run_dir: Path, lr: str, seed: int, accuracy: float, *, finished: bool = True) -> None:
    config = {"optimizer": {"lr": float(lr)}, "seed": seed, "objective": "accuracy/val"}
    row = SweepRow(f"sweep optimizer.lr={lr}", {"optimizer.lr": lr, "seed": str(seed)})
    events = EventFile.create(run_dir)
    events.write([hparams.experiment(config, row), hparams.session_start(config, row)], 0)
    events.write(hparams.best_epoch({"accuracy/val": accuracy, "accuracy/test": accuracy / 2}), 5)
    events.write([hparams.session_end(finished=finished)], 5)
    events.close()


def answer(logdir: Path) -> tuple[Any, Any]:
    """The columns and the rows that the backend gives to the tab, sorted by the swept key."""
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(logdir)).Reload()
    provider = MultiplexerDataProvider(multiplexer, str(logdir))
    context, request = Context(SimpleNamespace(data_provider=provider)), RequestContext()
    hyperparameters = context.hparams_from_data_provider(request, "", limit=None)
    metadata = context.hparams_metadata(request, "")
    columns = context.experiment_from_metadata(request, "", True, metadata, hyperparameters)
    by_lr = api_pb2.ColParams(hparam="optimizer.lr", order=api_pb2.ORDER_DESC)
    statuses = [api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE, api_pb2.STATUS_UNKNOWN]
    asked = api_pb2.ListSessionGroupsRequest(
        allowed_statuses=statuses, col_params=[by_lr], start_index=0, slice_size=100
    )
    return columns, list_session_groups.Handler(request, context, "", asked).run().session_groups


def test_the_seeds_of_a_setting_are_one_row_with_their_means(tmp_path: Path) -> None:
    for lr, accuracies in (("0.1", (0.7, 0.9)), ("0.01", (0.5, 0.6))):
        for seed, accuracy in enumerate(accuracies):
            write_run(tmp_path / f"sweep/optimizer.lr={lr},seed={seed}", lr, seed, accuracy)
    columns, rows = answer(tmp_path)
    assert [row.name for row in rows] == ["sweep optimizer.lr=0.1", "sweep optimizer.lr=0.01"]
    assert [len(row.sessions) for row in rows] == [2, 2]
    assert [row.hparams["optimizer.lr"].number_value for row in rows] == [0.1, 0.01]
    means = [{metric.name.tag: round(metric.value, 6) for metric in row.metric_values} for row in rows]
    assert means == [
        {"best/accuracy/val": 0.8, "best/accuracy/test": 0.4},
        {"best/accuracy/val": 0.55, "best/accuracy/test": 0.275},
    ]
    assert columns.hparam_infos[0].name == "optimizer.lr"
    assert [info.display_name for info in columns.metric_infos][:2] == ["accuracy/val", "accuracy/test"]
