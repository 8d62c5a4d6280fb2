"""The Layers tab for TensorBoard: its name, and the addresses under which its data and files are served.

TensorBoard imports this module when it starts, so it imports neither torch nor what draws.
"""

from typing import Any

from tensorboard.context import RequestContext
from tensorboard.plugins import base_plugin

from convboard.plugins.answers import Answer, applications, argument, binary_answer, json_answer
from convboard.plugins.layers.run_data import Runs
from convboard.plugins.run_pictures import RunPictures
from convboard.plugins.static_files import read_static_files

PLUGIN = "layers"
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
        answers: dict[str, Answer] = {
            "/runs": lambda request: json_answer(request, Runs(self._provider, request).overview()),
            "/run": lambda request: json_answer(request, Runs(self._provider, request).run(argument(request, "run"))),
            "/health": lambda request: json_answer(
                request, Runs(self._provider, request).health(argument(request, "run"))
            ),
            "/numbers": lambda request: binary_answer(
                request, RunPictures(self._provider, request).numbers(argument(request, "key"))
            ),
        }
        return applications(answers, _STATIC.routes(), self._flags)
