"""Access to TensorBoard's data provider, and so to the event files through either of its readers."""

from typing import Any

from tensorboard import plugin_util
from werkzeug.wrappers import Request


class ProviderData:
    """Data of a log directory, read through TensorBoard's data provider for one request.

    Args:
        provider: TensorBoard's data provider.
        request: The request.
    """

    def __init__(self, provider: Any, request: Request) -> None:
        self._provider = provider
        self._context = plugin_util.context(request.environ)
        self._where = {"ctx": self._context, "experiment_id": plugin_util.experiment_id(request.environ)}
