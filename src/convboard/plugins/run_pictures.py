"""The pictures of runs with the arrays embedded in them, and the records of their networks."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from tensorboard.data.provider import RunTagFilter
from tensorboard.errors import InvalidArgumentError, NotFoundError

from convboard.board import tags
from convboard.board.figures.embedded_arrays import packed_arrays
from convboard.plugins.answers import UnreadableError
from convboard.plugins.provider_data import ProviderData

NETWORKS = "layers"  # the plugin under whose name the record of a network is written
_IMAGES = "images"  # TensorBoard's own plugin
_ALL = 10_000  # samples of a series: more than TensorBoard keeps
_IMAGE = 2  # index in a sample, after width and height


class RunPictures(ProviderData):
    """The pictures of a log directory, for one request."""

    def pictures(self, run: str, is_wanted: Callable[[str], bool]) -> dict[str, list[dict[str, Any]]]:
        """Return step and key of each figure of a run, by tag. No figure is read.

        Args:
            run: Its name.
            is_wanted: Tells by a tag whether its figures are wanted.
        """
        only = RunTagFilter(runs=[run])
        found = self._provider.read_blob_sequences(
            **self._where, plugin_name=_IMAGES, downsample=_ALL, run_tag_filter=only
        ).get(run, {})
        return {
            tag: [{"step": sample.step, "key": sample.values[_IMAGE].blob_key} for sample in found[tag]]
            for tag in sorted(found)
            if is_wanted(tag)
        }

    def with_tag(self, runs: Sequence[str], tag: str) -> list[str]:
        """Return those of some runs that have figures with a tag."""
        only = RunTagFilter(runs=runs, tags=[tag])
        found = self._provider.list_blob_sequences(**self._where, plugin_name=_IMAGES, run_tag_filter=only)
        return [run for run in runs if found.get(run)]

    def numbers(self, key: str) -> bytes:
        """Return the arrays embedded in a figure, as `pack` returned them.

        Raises:
            NotFoundError: No figure has this key, or nothing is embedded in it.
        """
        try:
            png = self._provider.read_blob(ctx=self._context, blob_key=key)
        # TensorBoard's readers raise these for an unknown key: one of them parses it without checks.
        except (NotFoundError, InvalidArgumentError, LookupError, TypeError, ValueError) as error:
            raise NotFoundError(f"no picture has the key {key!r}") from error
        numbers = packed_arrays(png) if isinstance(png, bytes) else None
        if numbers is None:
            raise NotFoundError("the picture has no numbers inside: it was drawn by an older convboard, or by another")
        return numbers

    def network(self, run: str) -> dict[str, Any]:
        """Return the record of a run's network.

        Raises:
            NotFoundError: There is no such run, or it has no network to show.
            UnreadableError: The record is damaged.
        """
        only = RunTagFilter(runs=[run], tags=[tags.NETWORK])
        found = self._provider.read_tensors(**self._where, plugin_name=NETWORKS, downsample=1, run_tag_filter=only)
        series = found.get(run, {}).get(tags.NETWORK)
        if not series:
            raise NotFoundError(f"no run {run!r} with a network to show")
        try:
            return dict(json.loads(series[-1].numpy.item()))
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise UnreadableError(f"the network record of {run!r} is damaged: it is no JSON object") from error
