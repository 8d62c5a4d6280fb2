"""Who may import whom, what `convboard` exports, and that importing it costs nothing."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import convboard

PACKAGE = Path(convboard.__file__).parent
# The rooms from the ground up. No room imports one above it, and of those below it only what stands here.
BASE = {"errors", "files"}
MAY_IMPORT = {
    "errors": set(),
    "files": {"errors"},
    "environment": set(),
    "invocation": set(),
    "anatomy": BASE,
    "models": BASE | {"anatomy"},  # the shape trace that fills in `in_features`
    "data": BASE,
    "training": BASE | {"data"},
    "board": BASE | {"anatomy", "data", "training.observer"},
    "messages": {"errors", "invocation"},
    "config": {"errors", "messages"},
    "targets": {"errors"},
    "report": {"data", "planning", "invocation"},
    # `Run.model()` builds its network through `experiment`, which is imported when that is called.
    "runs": {"errors", "config", "experiment"},
    "trust": {"models", "training.schedules", "targets"},
    "resuming": {"errors", "config", "runs", "trust"},
    "trial": BASE | {"anatomy", "training", "targets"},
    "planning": BASE | {"environment", "config", "training"},
    "optimizing": {"errors", "training", "targets"},
    "building": BASE
    | {"environment", "anatomy", "models", "data", "training", "board", "config", "targets", "trial", "planning"}
    | {"optimizing", "report", "runs"},
    "experiment": BASE
    | {"data", "training", "config", "report", "runs", "building", "trust", "planning", "trial", "invocation"},
    "arguments": {"errors", "messages", "invocation"},
    "entry": {"errors", "messages", "invocation", "config", "resuming", "runs", "training.interrupt", "training.team"},
    "composing": {"errors", "config", "arguments", "entry"},
    "subjects": {"errors", "anatomy", "models", "data", "training.seeding", "targets", "runs", "building", "composing"},
    "responding": {"errors", "anatomy", "data", "board", "subjects"},
    "inspecting": {"errors", "data", "board", "subjects", "responding", "invocation"},
    "__init__": {"errors", "config", "anatomy", "models", "runs", "experiment"},
}
KNOW_HYDRA = {"messages", "config", "targets", "resuming", "experiment", "arguments", "entry", "composing"}


def imported_modules(path: Path) -> Iterator[str]:
    """Every module that a file imports, in functions and for type checkers too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import hides the room"
            if node.module == "convboard":
                yield from (f"convboard.{alias.name}" for alias in node.names)
            else:
                yield str(node.module)


def imports_of_rooms() -> Iterator[tuple[str, str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).with_suffix("").parts[0]
        yield from ((room, module, path) for module in imported_modules(path))


def is_within(module: str, packages: set[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def test_no_room_imports_one_above_it() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {module}"
        for room, module, path in imports_of_rooms()
        if is_within(module, {"convboard"})
        and not is_within(module.removeprefix("convboard."), MAY_IMPORT[room] | {room})
    ]
    assert not wrong


def test_only_what_composes_a_run_knows_hydra() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {module}"
        for room, module, path in imports_of_rooms()
        if is_within(module, {"hydra", "omegaconf"}) and room not in KNOW_HYDRA
    ]
    assert not wrong


def test_contributing_tells_of_every_room() -> None:
    text = (PACKAGE.parents[1] / "CONTRIBUTING.md").read_text()
    table = re.findall(r"^\| (`.*?) \|", text.split("## Who may import whom")[1].split("\n## ")[0], re.MULTILINE)
    assert {room for cell in table for room in re.findall(r"`(\w+)`", cell)} == MAY_IMPORT.keys() - {"__init__"}
    know_hydra = text.split("Hydra and OmegaConf are known to ")[1].split(" alone;")[0]
    assert set(re.findall(r"`(\w+)`", know_hydra)) == KNOW_HYDRA


def test_only_the_board_writes_events() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {module}"
        for room, module, path in imports_of_rooms()
        if is_within(module, {"tensorboard", "torch.utils.tensorboard"}) and room != "board"
    ]
    assert not wrong


def test_nothing_is_unpickled() -> None:
    readers = {"pickle", "dill", "cloudpickle", "joblib"}
    assert not [(path, module) for _, module, path in imports_of_rooms() if is_within(module, readers)]


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
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


def test_a_run_imports_nothing_that_compiles(tmp_path: Path) -> None:
    """`torch._dynamo` alone takes longer than the rest of torch, and much of torch imports it in passing."""
    arguments = ["trainer.max_epochs=1", "trainer.limit_train_batches=1", f"hydra.run.dir={tmp_path / 'run'}"]
    code = f"""
import runpy, sys
sys.argv = ["train.py", *{arguments}]
runpy.run_path("train.py", run_name="__main__")
print(sorted({{"torch._dynamo", "torch._inductor", "torchvision", "sympy"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120, cwd=PACKAGE.parents[1]
    )
    assert done.stdout.endswith("[]\n")
