"""The source files that trials are trained with: convboard's own, and those of the modules that their configs name.

Nothing is imported to find them.
"""

import ast
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from convboard.config.instantiate import target_names
from convboard.config.schema import OPEN_GROUPS
from convboard.files import read_bytes
from convboard.sweeps.store.trials import Trial

COMPARED = ("convboard", "torch", "torchvision", "numpy")  # packages of which the version tells what they do
_PACKAGE = Path(__file__).parents[2]
_NOT_TRAINED_WITH = ("cli", "feature_maps", "plugins", "results", "sweeps")  # parts of the package
_KNOWN = {*COMPARED, *sys.stdlib_module_names}  # modules whose files are not listed
_LONGEST = 10_000_000  # bytes of a file


def package_files() -> dict[str, Path]:
    """Return the files of convboard that a training runs, by name, as in `convboard/errors.py`."""
    parts = [part for part in _PACKAGE.iterdir() if part.name not in _NOT_TRAINED_WITH]
    files = [file for part in parts for file in ([part] if part.suffix == ".py" else part.rglob("*.py"))]
    return {str(file.relative_to(_PACKAGE.parent)): file for file in sorted(files)}


def foreign_modules(trials: Iterable[Trial]) -> set[str]:
    """Return the modules that configs name, without submodules and without those of Python, torch and convboard."""
    nodes = {json.dumps(trial.config.get(group), sort_keys=True) for trial in trials for group in OPEN_GROUPS}
    return {name.partition(".")[0] for node in nodes for name in target_names(json.loads(node))} - _KNOWN


def foreign_files(trials: Iterable[Trial], places: Sequence[str]) -> dict[str, Path]:
    """Return the files of the modules that configs name, and of those that these import from the same folder.

    Packages that are installed are taken whole, without those that they import.

    Args:
        trials: The trials.
        places: The folders in which modules are looked for, the first choice first.
    """
    todo = foreign_modules(trials)
    done: set[str] = set()
    found: dict[str, Path] = {}
    while todo := todo - done - _KNOWN:
        done.add(name := todo.pop())
        spec = PathFinder.find_spec(name, places) if name.isidentifier() else None
        for root, file in _files(spec) if spec is not None else ():
            found[str(file.relative_to(root))] = file
            if not is_installed(file):
                todo |= {module for module in _imports(file) if _is_in(module, root)}
    return dict(sorted(found.items()))


def importable_places() -> list[str]:
    """Return the folders in which a command finds the modules that a config names."""
    return [*sys.path, str(Path.cwd())]


def is_installed(file: Path) -> bool:
    """Return whether a file belongs to an installed package, and is no code of the user's own."""
    return bool({"site-packages", "dist-packages"} & set(file.parts))


def digest(file: Path) -> str:
    """Return the beginning of the SHA-256 of a file."""
    try:
        return hashlib.sha256(read_bytes(file)).hexdigest()[:16]
    except OSError:
        return "unreadable"


def _files(spec: ModuleSpec) -> Iterator[tuple[Path, Path]]:
    """Yield the source files of a module or a package, each with the folder that it is imported from."""
    for place in map(Path, spec.submodule_search_locations or ()):
        yield from ((place.parent, file) for file in sorted(place.rglob("*.py")))
    if not spec.submodule_search_locations and spec.origin and spec.origin.endswith(".py"):
        yield Path(spec.origin).parent, Path(spec.origin)


def _imports(file: Path) -> Iterator[str]:
    """Yield the modules that a file imports, without those of submodules."""
    try:
        tree = ast.parse(read_bytes(file, _LONGEST))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _is_in(module: str, folder: Path) -> bool:
    return (folder / module).is_dir() or (folder / f"{module}.py").is_file()
