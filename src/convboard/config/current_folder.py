"""The current folder, from which a command imports only what the user names.

Python, torch and Hydra import in passing whatever they find in the folders of `sys.path`: optional modules, plugins,
entry points. The current folder may be a run directory that somebody else has made. So a command takes it off
`sys.path`, and a finder of its own imports the modules in it that a `_target_` names, and those that they import.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec, PathFinder
from types import FrameType, ModuleType

_LONGEST_FILE = 1_000_000  # bytes of a file that is searched for classes

# This file imports only modules that Python itself has imported, because the current folder is still on `sys.path`.


def leave_sys_path() -> None:
    """Take the current folder off `sys.path`, to which `python -m` and an empty entry in PYTHONPATH add it.

    It stays if convboard itself is imported from there.
    """
    here = os.path.realpath(".")
    own = os.path.realpath(os.path.join(__file__, "../../.."))  # noqa: PTH118  (importing pathlib imports others)
    if here != own:
        sys.path[:] = [folder for folder in sys.path if os.path.realpath(folder or ".") != here]


def load_cusparselt() -> None:
    """Load NVIDIA's cuSPARSELt, which torch needs, while the root folder is the current one.

    When it is loaded, it loads `libcuda.so.1`, and its RUNPATH (of 0.8) ends in an empty entry, which is the current
    folder. A library that is loaded already is not searched for again.
    """
    from ctypes import CDLL  # deferred like the next two, since the current folder may still be on `sys.path`
    from glob import glob
    from importlib.util import find_spec

    nvidia = find_spec("nvidia")
    places = nvidia.submodule_search_locations or () if nvidia else ()
    libraries = [file for place in places for file in glob(f"{place}/cusparselt/lib/libcusparseLt.so.*")]  # noqa: PTH207
    here = os.open(".", os.O_RDONLY)
    os.chdir("/")
    try:
        for library in libraries:
            with suppress(OSError):  # torch will say what is wrong with it
                CDLL(library)
    finally:
        os.fchdir(here)
        os.close(here)


def classes_of(name: str) -> list[str]:
    """Return the classes in a file of the current folder, such as `net.Net`; nothing is imported.

    Args:
        name: The file, as `net` or `net.py`, or a class in it, as `net.Net`.
    """
    import ast  # deferred like the next two, as above
    from pathlib import Path

    from convboard.files import read_text

    module, _, last = name.partition(".")
    try:
        body = ast.parse(read_text(Path(f"{module}.py"), _LONGEST_FILE)).body
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    classes = [node.name for node in body if isinstance(node, ast.ClassDef)]
    return [f"{module}.{found}" for found in ([last] if last in classes else classes)]


@contextmanager
def importable() -> Iterator[None]:
    """Within, `allow` makes modules of the current folder importable."""
    finder = _Finder(os.path.realpath("."))
    sys.meta_path.append(finder)  # at the end: a file called random.py there must not become everybody's random
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


@contextmanager
def importable_from(folder: str | None, modules: Iterable[str]) -> Iterator[None]:
    """Within, some modules, and those of the same folder that they import, are imported from a folder and no other.

    Args:
        folder: The folder; None changes nothing.
        modules: The names of the modules.
    """
    if folder is None:
        yield
        return
    finder = _Finder(folder)
    finder.allowed.update(modules)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def allow(targets: Iterable[str]) -> None:
    """Allow the modules of the current folder that `_target_`s name to be imported, and those that they import.

    Outside of `importable`, such as in a notebook, `sys.path` alone decides what can be imported.

    Args:
        targets: Such as `mynet.MyNet`.
    """
    for finder in sys.meta_path:
        if isinstance(finder, _Finder):
            finder.allowed.update(target.partition(".")[0] for target in targets)


class _Finder:
    """Finds modules in a folder that are allowed, or imported by one that is.

    Attributes:
        folder: The folder.
        allowed: The names of the allowed modules, without those of submodules.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.allowed: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module by its name; see `importlib.abc.MetaPathFinder`."""
        if path is not None or (name not in self.allowed and _importer(sys._getframe(1)) not in self.allowed):
            return None
        spec = PathFinder.find_spec(name, [self.folder])
        if spec is not None:
            self.allowed.add(name)
        return spec


def _importer(frame: FrameType | None) -> str:
    """The name of the module that imports, without those of submodules."""
    while frame is not None:
        name = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if name not in ("importlib", "_frozen_importlib", "_frozen_importlib_external"):
            return name
        frame = frame.f_back
    return ""
