"""The files that a tab loads in the browser: its own, and those that all tabs share."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tensorboard.backend.http_util import Respond
from werkzeug.wrappers import Request, Response

_PLUGINS = Path(__file__).parent
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_YEAR = 365 * 24 * 60 * 60  # seconds


@dataclass(frozen=True)
class StaticFiles:
    """Files held in memory: no path of a request ever reaches the disk.

    Attributes:
        root: Address below which they are served. It changes with their content, so that a browser may keep them.
        files: Content by path below `root`, such as `layers/static/index.js`: as in the source tree, so that a module
            imports another one by the same relative path in the browser and on disk.
    """

    root: str
    files: Mapping[str, bytes]

    def routes(self) -> dict[str, Callable[[Request], Response]]:
        """The function that answers each address."""
        return {f"{self.root}/{path}": partial(self._answer, path=path) for path in self.files}

    def _answer(self, request: Request, path: str) -> Response:
        response: Response = Respond(request, self.files[path], _TYPES[Path(path).suffix], expires=_YEAR)
        return response


def read_static_files(plugin: str) -> StaticFiles:
    """Read the files of a plugin and the shared ones.

    Args:
        plugin: Name of the plugin's folder beside this file, such as `layers`.
    """
    folders = [_PLUGINS / name / "static" for name in (plugin, "shared")]
    paths = [path for folder in folders for path in sorted(folder.iterdir()) if path.suffix in _TYPES]
    files = {path.relative_to(_PLUGINS).as_posix(): path.read_bytes() for path in paths}
    return StaticFiles(f"/static/{hashlib.sha256(b''.join(files.values())).hexdigest()[:16]}", files)
