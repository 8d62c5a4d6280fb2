"""The data of the Layers tab."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tensorboard.data.provider import RunTagFilter
from werkzeug.wrappers import Request

from convboard.board import tags
from convboard.plugins.layers.run_list import METRICS, Best, Session, best_of_curves, best_of_last, entry, read_session
from convboard.plugins.provider_data import ProviderData
from convboard.plugins.run_pictures import NETWORKS, RunPictures

_SCALARS, _HPARAMS = "scalars", "hparams"  # TensorBoard's own plugins, whose data the tab reads too
_ALL = 10_000  # samples of a series: more than TensorBoard keeps


class Runs(ProviderData):
    """The runs of a log directory, for one request."""

    def __init__(self, provider: Any, request: Request) -> None:
        super().__init__(provider, request)
        self._pictures = RunPictures(provider, request)

    def overview(self) -> dict[str, Any]:
        """The `runs` that have a network to show, the newest first, and the names of the `others`."""
        every = RunTagFilter()
        started, tensors, sessions, best = _concurrently(
            self._started,
            lambda: self._provider.list_tensors(**self._where, plugin_name=NETWORKS),
            lambda: self._sessions(every),
            lambda: self._best(every),
        )
        nothing = read_session({})
        entries = [entry(name, sessions.get(name, nothing), best.get(name), started.get(name)) for name in tensors]
        entries.sort(key=lambda run: (-run.started, run.name))
        return {"runs": [run.to_json() for run in entries], "others": sorted(set(started) - set(tensors))}

    def run(self, run: str) -> dict[str, Any]:
        """A run: the record of its `network`; step and key of each of its `pictures`, by tag; its `config` and `best`.

        Raises:
            NotFoundError: There is no such run, or it has no network to show.
            UnreadableError: The record of its network is damaged.
        """
        only = RunTagFilter(runs=[run])
        network, pictures, sessions, best = _concurrently(
            lambda: self._pictures.network(run),
            lambda: self._pictures.pictures(run, tags.has_embedded_arrays),
            lambda: self._sessions(only),
            lambda: self._best(only),
        )
        config = sessions[run].config if run in sessions else {}
        found = best.get(run)
        return {
            "network": network,
            "pictures": pictures,
            "config": config,
            "best": found and {"step": found.step, "metrics": found.metrics},
        }

    def health(self, run: str) -> dict[str, dict[str, list[tuple[int, float]]]]:
        """The curves of a run's layers, `(step, value)`, by layer and statistic.

        Raises:
            NotFoundError: There is no such run, or it has no network to show.
        """
        only = RunTagFilter(runs=[run])
        _, listed = _concurrently(
            lambda: self._pictures.network(run),
            lambda: self._provider.list_scalars(**self._where, plugin_name=_SCALARS, run_tag_filter=only).get(run, {}),
        )
        wanted = {tag: place for tag in sorted(listed) if (place := tags.layer_statistic(tag))}
        only = RunTagFilter(runs=[run], tags=wanted)
        found = self._provider.read_scalars(
            **self._where, plugin_name=_SCALARS, downsample=_ALL, run_tag_filter=only
        ).get(run, {})
        curves: dict[str, dict[str, list[tuple[int, float]]]] = {}
        for tag, (layer, what) in wanted.items():
            curves.setdefault(layer, {})[what] = [(point.step, point.value) for point in found.get(tag, ())]
        return curves

    def _started(self) -> dict[str, float | None]:
        """The time of the first event by run.

        TensorBoard's older reader has none for any run where a single event file cannot be read.
        """
        try:
            return {run.run_name: run.start_time for run in self._provider.list_runs(**self._where)}
        except OSError:
            return {}

    def _sessions(self, only: RunTagFilter) -> dict[str, Session]:
        """The records of the HParams tab by run."""
        found = self._provider.list_tensors(**self._where, plugin_name=_HPARAMS, run_tag_filter=only)
        return {
            run: read_session({tag: series.plugin_content for tag, series in records.items()})
            for run, records in found.items()
        }

    def _best(self, only: RunTagFilter) -> dict[str, Best]:
        """The best epoch by run. Runs of earlier versions have no curves of their own for it."""
        where = {**self._where, "plugin_name": _SCALARS}
        wanted = RunTagFilter(only.runs, [tags.ACCURACY_VAL, *map(tags.best, METRICS)])
        last = self._provider.read_last_scalars(**where, run_tag_filter=wanted)
        found = {run: best for run, points in last.items() if (best := best_of_last(points))}
        earlier = RunTagFilter(set(last) - set(found), METRICS)
        curves = self._provider.read_scalars(**where, downsample=_ALL, run_tag_filter=earlier) if earlier.runs else {}
        return found | {run: best for run, points in curves.items() if (best := best_of_curves(points))}


def _concurrently(*calls: Callable[[], Any]) -> list[Any]:
    """Call functions concurrently: TensorBoard's fast reader takes about 45 ms for each request."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]
