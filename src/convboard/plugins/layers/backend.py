"""The Layers tab as TensorBoard knows it: a tab, and the addresses under which its data and its files are served.

TensorBoard imports this when it starts, so it imports neither torch nor what draws.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tensorboard import plugin_util
from tensorboard.backend.http_util import Respond
from tensorboard.context import RequestContext
from tensorboard.errors import NotFoundError
from tensorboard.plugins import base_plugin
from werkzeug.wrappers import Request, Response

from convboard.plugins.layers.run_data import PLUGIN, Runs

_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_FOLDER = Path(__file__).parent / "static"
# What may be asked for is held here: no path of a request ever reaches the disk.
_FILES = {path.name: path.read_bytes() for path in sorted(_FOLDER.glob("*")) if path.suffix in _TYPES}
# Their address changes with their content, so a browser may keep them and ask no more: some forty at each opening.
_STATIC = f"/static/{hashlib.sha256(b''.join(_FILES.values())).hexdigest()[:16]}"
_YEAR = 365 * 24 * 60 * 60  # seconds


class LayersPlugin(base_plugin.TBPlugin):  # type: ignore[misc]  # tensorboard carries no types
    """The tab; TensorBoard makes one of it when it starts.

    Args:
        context: What TensorBoard gives its plugins.
    """

    plugin_name = PLUGIN

    def __init__(self, context: base_plugin.TBContext) -> None:
        self._provider = context.data_provider

    def is_active(self) -> bool:
        """Whether any run has a network to show."""
        return PLUGIN in self._provider.list_plugins(RequestContext(), experiment_id="")

    def frontend_metadata(self) -> Any:
        """What the tab is called, and the module that draws it."""
        return base_plugin.FrontendMetadata(es_module_path=f"{_STATIC}/index.js", tab_name="Layers")

    def get_plugin_apps(self) -> dict[str, Any]:
        """What answers which address, below `/data/plugin/layers`."""
        answers: dict[str, Callable[[Request], Response]] = {
            "/runs": lambda request: _json(request, self._runs(request).names()),
            "/run": lambda request: _json(request, self._runs(request).run(request.args.get("run", ""))),
            "/health": lambda request: _json(request, self._runs(request).health(request.args.get("run", ""))),
            "/numbers": self._numbers,
            **{f"{_STATIC}/{name}": partial(_file, name=name) for name in _FILES},
        }
        return {address: _application(answer) for address, answer in answers.items()}

    def _runs(self, request: Request) -> Runs:
        environ = request.environ
        return Runs(self._provider, plugin_util.context(environ), plugin_util.experiment_id(environ))

    def _numbers(self, request: Request) -> Response:
        """A browser may keep them, and is told in a word that they are the same: a run may be written anew."""
        numbers = self._runs(request).numbers(request.args.get("key", ""))
        response: Response = Respond(request, numbers, "application/octet-stream")
        response.add_etag()
        return response.make_conditional(request)


def _application(answer: Callable[[Request], Response]) -> Any:
    """A WSGI application that reads and nothing else, and says in JSON what is not there."""

    @Request.application
    def application(request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return _json(request, {"error": "Only GET is answered here."}, code=405, headers=[("Allow", "GET")])
        try:
            return answer(request)
        except NotFoundError as error:
            return _json(request, {"error": str(error).removeprefix("Not found: ")}, code=404)

    return application


def _json(request: Request, content: Any, **arguments: Any) -> Response:
    response: Response = Respond(request, content, "application/json", **arguments)
    return response


def _file(request: Request, name: str) -> Response:
    response: Response = Respond(request, _FILES[name], _TYPES[Path(name).suffix], expires=_YEAR)
    return response
