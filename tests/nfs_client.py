"""What a client of NFS remembers: names that it has looked for in vain. Others may have created them since.

Measured with NFS 3 and 4 under Linux: for 30 s and more, stat(2) and open(2) say that such a name is not there, until
its folder is listed or link(2) has been refused, which the server does.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


class NfsClient:
    """One machine of several with a common folder. What is done outside of `looking` is done by another one."""

    def __init__(self) -> None:
        self._missing: set[str] = set()

    @contextmanager
    def looking(self) -> Iterator[None]:
        """What is done meanwhile is done on this machine, which may be late."""
        with pytest.MonkeyPatch.context() as patch:
            for name in ("stat", "open"):
                patch.setattr(os, name, self._remembering(getattr(os, name)))
            for name in ("listdir", "scandir"):
                patch.setattr(os, name, self._asking(getattr(os, name)))
            patch.setattr(os, "link", self._linking(os.link))
            yield

    def _remembering(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def look(path: Any, *arguments: Any, **named: Any) -> Any:
            if isinstance(path, int):
                return call(path, *arguments, **named)
            place = os.path.abspath(path)  # noqa: PTH100  (looks at nothing)
            if place in self._missing and not os.O_CREAT & sum(one for one in arguments if isinstance(one, int)):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            try:
                return call(path, *arguments, **named)
            except FileNotFoundError:
                self._missing.add(place)
                raise

        return look

    def _asking(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def names(path: Any = ".") -> Any:
            place = str(Path(f"/proc/self/fd/{path}").readlink() if isinstance(path, int) else Path(path).absolute())
            if place in self._missing:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            self._missing = {one for one in self._missing if str(Path(one).parent) != place}
            return call(path)

        return names

    def _linking(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def link(source: Any, to: Any, **named: Any) -> None:
            self._missing.discard(str(Path(to).absolute()))
            call(source, to, **named)

        return link
