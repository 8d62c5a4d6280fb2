"""The code and the data that the trials of a sweep are trained with: a change of them is noticed before others follow.

The versions of packages and the fingerprints of the data are in the record of the sweep. A list of the source files
with their hashes is in `sources/<hash of the list>.json`.
"""

import ast
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from convboard.config.instantiate import target_names
from convboard.config.schema import OPEN_GROUPS, TrainConfig
from convboard.experiment.environment import describe_environment
from convboard.files import create_once, make_folder, read_bytes, read_text
from convboard.sweeps.forked_process import result_of
from convboard.sweeps.sweep_folder import Sweep
from convboard.sweeps.trials import Trial

SOURCES = "sources"
_PACKAGE = Path(__file__).parents[1]
_NOT_TRAINED_WITH = ("cli", "feature_maps", "plugins", "sweeps")  # parts of the package
_COMPARED = ("convboard", "torch", "torchvision", "numpy")  # packages
_VERSIONED = {*_COMPARED, *sys.stdlib_module_names}  # modules of which no file is hashed
_LONGEST = 10_000_000  # bytes of a file
_SHOWN = 10  # files in a message


@dataclass(frozen=True)
class Provenance:
    """The code and the data of trials, as they are now.

    Attributes:
        environment: Versions, machine and git commit, by name.
        sources: The beginning of the SHA-256 of each source file, by its name, as in `convboard/files.py`.
        data: What identifies the files of each data set, by its name and folder.
    """

    environment: Mapping[str, str]
    sources: Mapping[str, str]
    data: Mapping[str, str]

    @property
    def sources_name(self) -> str:
        """The name of the list of its sources: a hash."""
        return hashlib.sha256(json.dumps(self.sources, sort_keys=True).encode()).hexdigest()[:16]

    def keep_sources(self, folder: Path) -> None:
        """Keep the list of the sources in the folder of a sweep.

        Raises:
            OSError: It cannot be written.
        """
        make_folder(folder / SOURCES)
        create_once(folder / SOURCES / f"{self.sources_name}.json", json.dumps(self.sources, indent=0) + "\n")


def provenance_of(trials: Iterable[Trial], resumed: bool = False) -> Provenance:
    """Return the code and the data of trials.

    Args:
        trials: The trials.
        resumed: Whether the sweep is there already, see `describe_environment`.

    Raises:
        DataError: Pictures are missing or cannot be read.
    """
    trials = list(trials)
    environment = describe_environment(device="", resumed=resumed)
    del environment["device"], environment["command"]  # each run has its own
    return Provenance(environment, _own_sources() | _foreign_sources(trials), _data(trials))


def changes(sweep: Sweep, now: Provenance) -> list[str]:
    """Return what has changed since a sweep began, in words; empty if its trials can be compared with new ones."""
    record, found = sweep.record, []
    for package in _COMPARED:
        then, today = record.environment.get(package, "unknown"), now.environment[package]
        if then.partition("+")[0] != today.partition("+")[0]:  # builds for CPU and GPU are the same version
            found.append(f"{package} was {then}, and is {today} now")
    if record.sources != now.sources_name:
        found += _changed_sources(_read_sources(sweep.folder, record.sources), now.sources)
    for name, then in record.data.items():
        if (today := now.data.get(name, "")) != then:
            found.append(f"{name}: was {then}, and is {today or 'not there'} now")
    commits = [one.environment.get("git commit", "none").partition(" ")[0] for one in (record, now)]
    if found and commits[0] != commits[1]:
        found.append(f"git commit: was {commits[0]}, and is {commits[1]} now")
    return found


def _changed_sources(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    if not then:
        return ["source files have changed; which, is not known, because the list of them is lost"]
    names = sorted(name for name in {**then, **now} if then.get(name) != now.get(name))
    what = [
        f"{name} {'has changed' if name in then and name in now else 'is new' if name in now else 'is not there'}"
        for name in names
    ]
    more = [f"and {len(names) - _SHOWN} more source files"] if len(names) > _SHOWN else []
    return [*what[:_SHOWN], *more]


def _read_sources(folder: Path, name: str) -> dict[str, str]:
    """Read a list of sources; empty if it is lost or damaged."""
    try:
        content = json.loads(read_text(folder / SOURCES / f"{name}.json", _LONGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return {str(file): str(digest) for file, digest in content.items()} if isinstance(content, dict) else {}


def _own_sources() -> dict[str, str]:
    """Hash the files of convboard that a training runs."""
    parts = [part for part in _PACKAGE.iterdir() if part.name not in _NOT_TRAINED_WITH]
    files = [file for part in parts for file in ([part] if part.suffix == ".py" else part.rglob("*.py"))]
    return {str(file.relative_to(_PACKAGE.parent)): _digest(file) for file in sorted(files)}


def _foreign_sources(trials: Iterable[Trial]) -> dict[str, str]:
    """Hash the files of the modules that configs name, and of those of the same folder that they import.

    Nothing is imported. Modules of packages that are installed are taken whole, without those that they import.
    """
    nodes = {json.dumps(trial.config.get(group), sort_keys=True) for trial in trials for group in OPEN_GROUPS}
    todo = {name.partition(".")[0] for node in nodes for name in target_names(json.loads(node))}
    done: set[str] = set()
    digests: dict[str, str] = {}
    while todo := todo - done - _VERSIONED:
        done.add(name := todo.pop())
        spec = PathFinder.find_spec(name, [*sys.path, str(Path.cwd())]) if name.isidentifier() else None
        for root, file in _files(spec) if spec is not None else ():
            digests[str(file.relative_to(root))] = _digest(file)
            if not {"site-packages", "dist-packages"} & set(root.parts):
                todo |= {module for module in _imports(file) if _is_in(module, root)}
    return dict(sorted(digests.items()))


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


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(read_bytes(file)).hexdigest()[:16]
    except OSError:
        return "unreadable"


def _data(trials: Iterable[Trial]) -> dict[str, str]:
    """Describe the files of the data sets that are there."""
    configs = {}
    for trial in trials:
        dataset = trial.config["dataset"]
        configs[f"{dataset['name']} in {dataset['path'] or trial.config['data_dir']}"] = trial.config
    has_torch = "torch" in sys.modules  # the process of a sweep has not, and need not take seconds to import it
    described = describe_data(configs) if has_torch else result_of(f"{__name__}:{describe_data.__name__}", configs)
    return {name: text for name, text in described.items() if text}


def describe_data(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Describe the files of the data set of each config; empty where there are none. It imports torch.

    Raises:
        DataError: See `describe_config_files`.
    """
    from convboard.experiment.dataset import describe_config_files  # deferred for start-up time: imports torch

    return {name: describe_config_files(TrainConfig.from_dict(config)) for name, config in configs.items()}
