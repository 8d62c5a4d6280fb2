"""Who may import whom, what `convboard` exports, and that importing it costs nothing."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import convboard
from convboard.sweeps.store.source_files import package_files
from python_code import printed

PACKAGE = Path(convboard.__file__).parent
# From the bottom up: a part imports those before it alone, `convboard/__init__` any of them.
ORDER = (
    *("errors", "files", "anatomy", "models", "data", "training", "board", "config", "feature_maps"),
    *("experiment", "sweeps", "results", "plugins", "cli", "__init__", "__main__"),
)
# The same for the folders of sweeps/; the files beside them may import all folders.
ORDER_OF_SWEEPS = ("store", "backends", "pruning", "search", "workers", "terminal")
BELOW_STORE = {"forked_process", "slots"}  # files of sweeps/ that know neither trials nor folders
KNOW_HYDRA = {"cli", "config", "experiment", "sweeps"}
KNOW_TENSORBOARD = {"board", "plugins"}


@cache
def imported_modules(path: Path) -> tuple[str, ...]:
    """Every module that a file imports, in functions and for type checkers too."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import hides the room"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                place = PACKAGE.parent / name.replace(".", "/")
                is_module = place.with_suffix(".py").exists() or (place / "__init__.py").exists()
                found.append(name if is_module else str(node.module))
    return tuple(found)


def imports() -> Iterator[tuple[str, str, Path]]:
    """The part that a file belongs to, a module that it imports, and the file."""
    for path in sorted(PACKAGE.rglob("*.py")):
        part = path.relative_to(PACKAGE).with_suffix("").parts[0]
        yield from ((part, module, path.relative_to(PACKAGE)) for module in imported_modules(path))


def is_within(module: str, packages: set[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def test_imports_go_downwards_only() -> None:
    for part, module, path in imports():
        if is_within(module, {"convboard"}):
            imported = module.partition(".")[2].partition(".")[0] or "__init__"
            assert ORDER.index(imported) <= ORDER.index(part), f"{path} imports {module}"


def test_the_readme_lists_the_parts_in_this_order() -> None:
    readme = (PACKAGE.parents[1] / "README.md").read_text()
    listed = re.findall(r"^  (\w+)/  ", readme, re.MULTILINE)
    assert listed == [part for part in reversed(ORDER) if (PACKAGE / part).is_dir()]


def test_the_folders_of_sweeps_import_downwards_only() -> None:
    for part, module, path in imports():
        if part == "sweeps" and path.parts[1] in ORDER_OF_SWEEPS and is_within(module, {"convboard.sweeps"}):
            folder, imported = path.parts[1], module.split(".")[2]
            if imported in ORDER_OF_SWEEPS:
                assert ORDER_OF_SWEEPS.index(imported) <= ORDER_OF_SWEEPS.index(folder), f"{path} imports {module}"
            else:
                assert folder != "store" or imported in BELOW_STORE, f"{path} imports {module}"
    folders = {path.parent.name for path in (PACKAGE / "sweeps").glob("*/__init__.py")}
    assert folders == set(ORDER_OF_SWEEPS)


def test_no_circle_of_files() -> None:
    graph: dict[str, set[str]] = {}
    for _, module, path in imports():
        importer = ".".join(("convboard", *path.with_suffix("").parts)).removesuffix(".__init__")
        if is_within(module, {"convboard"}):
            graph.setdefault(importer, set()).add(module)
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_who_knows_hydra_and_tensorboard() -> None:
    for part, module, path in imports():
        assert part in KNOW_HYDRA or not is_within(module, {"hydra", "omegaconf"}), f"{path} imports {module}"
        is_tensorboard = is_within(module, {"tensorboard", "torch.utils.tensorboard"})
        assert part in KNOW_TENSORBOARD or not is_tensorboard, f"{path} imports {module}"


def test_only_the_board_writes_events() -> None:
    for part, module, path in imports():
        assert part == "board" or not is_within(module, {"convboard.board.event_file"}), f"{path} imports {module}"


def test_nothing_is_unpickled() -> None:
    for _, module, path in imports():
        assert not is_within(module, {"pickle", "dill", "cloudpickle", "joblib"}), f"{path} imports {module}"


def test_the_public_names() -> None:
    assert sorted(convboard.__all__) == convboard.__all__
    for name in convboard.__all__:
        assert getattr(convboard, name).__name__ == name
    assert set(convboard.__all__) >= {
        *("run", "TrainConfig", "build_model", "layer_outputs", "layer_table", "load_run"),
        *("ConvboardError", "ConfigError", "DataError", "ModelError", "CheckpointError", "RunError"),
        "TrainingError",
    }


def test_importing_convboard_is_light() -> None:
    code = "import sys, convboard; print(sorted({'torch', 'hydra', 'numpy', 'tensorboard'} & set(sys.modules)))"
    assert printed(code) == "[]\n"


def test_the_command_of_a_sweep_imports_neither_torch_nor_optuna() -> None:
    """Only the processes of trials compute, and only a search by TPE asks Optuna."""
    code = "import sys, convboard.cli.sweep; print(sorted({'torch', 'optuna'} & set(sys.modules)))"
    assert printed(code) == "[]\n"


@pytest.mark.thorough
def test_what_a_trial_runs_is_among_the_files_by_which_a_sweep_knows_its_code() -> None:
    """Those of `results` are not: other figures and tables are no other training."""
    code = "import sys, convboard.cli.trial; print('convboard.results' in sys.modules)"
    assert printed(code) == "False\n"
    parts = {name.split("/")[1] for name in package_files()}
    assert {"training", "data", "models", "experiment", "board"} <= parts
    assert "results" not in parts


@pytest.mark.thorough
def test_a_run_imports_nothing_that_compiles(tmp_path: Path) -> None:
    """`torch._dynamo` alone takes longer than the rest of torch, and much of torch imports it in passing."""
    arguments = ["trainer.max_epochs=1", "trainer.limit_train_batches=1", f"hydra.run.dir={tmp_path / 'run'}"]
    code = f"""
import contextlib, runpy, sys
sys.argv = ["train.py", *{arguments}]
with contextlib.suppress(SystemExit):
    runpy.run_path("train.py", run_name="__main__")
print(sorted({{"torch._dynamo", "torch._inductor", "torchvision", "sympy"}} & set(sys.modules)))
"""
    assert printed(code, PACKAGE.parents[1]).endswith("[]\n")
