"""The Sweeps tab for TensorBoard: its name, and the addresses under which its data and files are served.

TensorBoard imports this module when it starts, so it imports neither torch nor what draws.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from tensorboard.plugins import base_plugin
from werkzeug.wrappers import Request, Response

from convboard.plugins.answers import Answer, applications, argument, binary_answer, json_answer
from convboard.plugins.run_pictures import RunPictures
from convboard.plugins.static_files import read_static_files
from convboard.plugins.sweeps.curves import Curves, steps_per_epoch
from convboard.plugins.sweeps.inside import inside_of, pictures_command, with_pictures
from convboard.plugins.sweeps.log_directories import log_directories
from convboard.plugins.sweeps.run_folders import RunFolders
from convboard.plugins.sweeps.table import importance_of, table_of
from convboard.results.run_row import RunRow

PLUGIN = "sweeps"
_STATIC = read_static_files(PLUGIN)


class SweepsPlugin(base_plugin.TBPlugin):  # type: ignore[misc]  # tensorboard carries no types
    """The tab. TensorBoard creates one instance when it starts.

    Args:
        context: Holds TensorBoard's flags, which name the log directories, and the data provider, through which curves
            and pictures are read.
    """

    plugin_name = PLUGIN

    def __init__(self, context: base_plugin.TBContext) -> None:
        self._provider = context.data_provider
        self._flags = context.flags

    def is_active(self) -> bool:
        """Return whether there may be runs to show."""
        return self._runs.has_runs()

    def frontend_metadata(self) -> Any:
        """The tab's name and the module that draws it."""
        return base_plugin.FrontendMetadata(es_module_path=f"{_STATIC.root}/sweeps/static/index.js", tab_name="Sweeps")

    def get_plugin_apps(self) -> dict[str, Any]:
        """The WSGI application of each address, below `/data/plugin/sweeps`."""
        answers: dict[str, Answer] = {
            "/folders": lambda request: _new(request, self._runs.overview()),
            "/table": lambda request: _new(request, table_of(self._rows(request), self._runs.name)),
            "/importance": lambda request: _new(request, importance_of(self._rows(request))),
            "/beside_best": lambda request: _new(
                request, self._runs.beside_best(argument(request, "run"), argument(request, "best"))
            ),
            "/tags": lambda request: json_answer(request, self._tags(request)),
            "/curves": lambda request: json_answer(request, self._read_curves(request)),
            "/pictured": lambda request: _new(request, self._pictured(request)),
            "/pictures": lambda request: _new(request, self._inside(request)),
            "/numbers": lambda request: binary_answer(
                request, RunPictures(self._provider, request).numbers(argument(request, "key"))
            ),
        }
        return applications(answers, _STATIC.routes(), self._flags)

    @cached_property
    def _runs(self) -> RunFolders:
        return RunFolders(log_directories(self._flags))

    def _rows(self, request: Request) -> Sequence[RunRow]:
        return self._runs.rows(argument(request, "folder"))

    def _tags(self, request: Request) -> list[str]:
        return Curves(self._provider, request).tags([self._runs.name(row) for row in self._rows(request)])

    def _read_curves(self, request: Request) -> dict[str, Any]:
        """Return the curves of the runs that are asked for, or else of all runs of a folder."""
        rows = {self._runs.name(row): row for row in self._rows(request)}
        wanted = [run for run in request.args.getlist("runs") if run in rows] or list(rows)
        curves = Curves(self._provider, request).read(wanted, argument(request, "tag"))
        return {run: {**curve, "steps_per_epoch": steps_per_epoch(rows[run].path)} for run, curve in curves.items()}

    def _pictured(self, request: Request) -> dict[str, Any]:
        """Return the runs of a folder that have pictures, and the command that draws those of the best ones."""
        names = [self._runs.name(row) for row in self._rows(request)]
        command = pictures_command(self._runs.paths(argument(request, "folder")), "best=5")
        return {"runs": with_pictures(RunPictures(self._provider, request), names), "command": command}

    def _inside(self, request: Request) -> dict[str, Any]:
        """Return what is known of the inside of a run, and the command that draws its pictures."""
        row = self._runs.row(argument(request, "run"))
        inside = inside_of(RunPictures(self._provider, request), self._runs.name(row))
        return {**inside, "command": pictures_command([self._runs.path(row)])}


def _new(request: Request, content: Any) -> Response:
    """Return an answer with an ETag: a browser that asks again gets it only if it has changed."""
    response = json_answer(request, content)
    response.add_etag()
    return response.make_conditional(request)
