"""The Layers tab for TensorBoard: its name, and the addresses under which its data and files are served.

TensorBoard imports this module when it starts, so it imports neither torch nor what draws.
"""

from collections.abc import Callable
from typing import Any

from tensorboard import plugin_util
from tensorboard.backend.http_util import Respond
from tensorboard.context import RequestContext
from tensorboard.errors import NotFoundError
from tensorboard.plugins import base_plugin
from werkzeug.wrappers import Request, Response

from convboard.plugins.host_check import is_known_host
from convboard.plugins.layers.run_data import PLUGIN, Runs, UnreadableError
from convboard.plugins.static_files import read_static_files

_STATIC = read_static_files(PLUGIN)


class LayersPlugin(base_plugin.TBPlugin):  # type: ignore[misc]  # tensorboard carries no types
    """The tab. TensorBoard creates one instance when it starts.

    Args:
        context: Holds the data provider through which all runs are read.
    """

    plugin_name = PLUGIN

    def __init__(self, context: base_plugin.TBContext) -> None:
        self._provider = context.data_provider
        self._flags = context.flags

    def is_active(self) -> bool:
        """Return whether any run has a network to show."""
        return PLUGIN in self._provider.list_plugins(RequestContext(), experiment_id="")

    def frontend_metadata(self) -> Any:
        """The tab's name and the module that draws it."""
        return base_plugin.FrontendMetadata(es_module_path=f"{_STATIC.root}/layers/static/index.js", tab_name="Layers")

    def get_plugin_apps(self) -> dict[str, Any]:
        """The WSGI application of each address, below `/data/plugin/layers`."""
        answers: dict[str, Callable[[Request], Response]] = {
            "/runs": lambda request: _json(request, self._runs(request).overview()),
            "/run": lambda request: _json(request, self._runs(request).run(request.args.get("run", ""))),
            "/health": lambda request: _json(request, self._runs(request).health(request.args.get("run", ""))),
            "/numbers": self._numbers,
        }
        checked = {address: self._for_known_hosts(answer) for address, answer in answers.items()}
        return {address: _application(answer) for address, answer in {**checked, **_STATIC.routes()}.items()}

    def _for_known_hosts(self, answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def checked(request: Request) -> Response:
            if is_known_host(request, self._flags):
                return answer(request)
            error = (
                f"This TensorBoard does not know itself as {request.host}. If that is its name, start it with "
                "--host=NAME or --bind_all; otherwise open it under the address that it prints."
            )
            return _json(request, {"error": error}, code=403)

        return checked

    def _runs(self, request: Request) -> Runs:
        environ = request.environ
        return Runs(self._provider, plugin_util.context(environ), plugin_util.experiment_id(environ))

    def _numbers(self, request: Request) -> Response:
        """The arrays of a picture, with an ETag: a browser keeps them and asks whether they are the same."""
        numbers = self._runs(request).numbers(request.args.get("key", ""))
        response: Response = Respond(request, numbers, "application/octet-stream")
        response.add_etag()
        return response.make_conditional(request)


def _application(answer: Callable[[Request], Response]) -> Any:
    """A WSGI application that answers only GET and HEAD; what is not there or not readable is reported as JSON."""

    @Request.application
    def application(request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return _json(request, {"error": "Only GET is answered here."}, code=405, headers=[("Allow", "GET")])
        try:
            return answer(request)
        except NotFoundError as error:
            return _json(request, {"error": str(error).removeprefix("Not found: ")}, code=404)
        except UnreadableError as error:
            return _json(request, {"error": str(error)}, code=422)

    return application


def _json(request: Request, content: Any, **arguments: Any) -> Response:
    response: Response = Respond(request, content, "application/json", **arguments)
    return response
