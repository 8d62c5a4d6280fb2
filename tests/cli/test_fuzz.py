"""Every stored file of a run with flipped bytes, truncated, or with values of wrong types and sizes.

Each command that reads the run must end with a right result or with one message and exit code 2, and soon. The commands
run within this process, which is fast; --slow makes 1,500 tries.
"""

import hashlib
import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from command_limits import limited
from commands import MakeOnce

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
SMALL = (
    *("trainer.max_epochs=1", "trainer.limit_train_batches=2", "trainer.limit_val_batches=1"),
    *("trainer.limit_test_batches=1", "trainer.eval_batch_size=50", "trainer.plan=none", "board=minimal"),
)
FILES = (
    *("config.yaml", "dataset.json", "plan.json", "result.json"),
    *("checkpoints/best.safetensors", "checkpoints/last.safetensors"),
)
COMMANDS = (
    ("scripts/evaluate.py", "run=run"),
    ("scripts/evaluate.py", "run=run", "trust=true"),
    ("scripts/layers.py", "run=run"),
    ("train.py", "resume=run"),
    ("train.py", "resume=run", "trainer.max_epochs=2"),
)
SECRET = "told-to-nobody"
HOSTILE: tuple[Any, ...] = (
    *(None, True, 0, -1, 0.5, 10**9, 10**30, 10**400, float("nan"), float("inf"), -float("inf"), 1e300),
    *("", "x" * 10_000, "\x1b[31m", "a\nb", "\0", "../..", "???", "${oc.env:FUZZ_SECRET}", "${", "1e400", "null"),
    *([], {}, [[]], {"a": {}}, [None], {"_target_": "os.getcwd"}),
)
SECONDS = 10  # until a command is taken to hang; an idle machine takes less than one


def change_bytes(content: bytes, draw: random.Random) -> bytes:
    """Flip, remove or insert bytes."""
    at = draw.randrange(len(content))
    match draw.randrange(4):
        case 0:
            return content[:at]
        case 1:
            return content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :]
        case 2:
            return content[:at] + content[at + draw.randint(1, 40) :]
        case _:
            return content[:at] + draw.randbytes(draw.randint(1, 40)) + content[at:]


def change_value(tree: Any, draw: random.Random) -> Any:
    """Replace a value at any depth, remove it, or wrap it in many lists."""
    places: list[tuple[Any, Any]] = []

    def collect(node: Any) -> None:
        for key in node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
            places.append((node, key))
            collect(node[key])

    collect(tree)
    if not places:
        return draw.choice(HOSTILE)
    node, key = draw.choice(places)
    if draw.random() < 0.1:
        del node[key]
    elif draw.random() < 0.05:
        for _ in range(draw.choice((60, 200))):
            node[key] = [node[key]]
    else:
        node[key] = draw.choice(HOSTILE)
    return tree


def change_checkpoint(content: bytes, draw: random.Random) -> bytes:
    """Change a value of the metadata of a checkpoint, with a hash that fits."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    parts = json.loads(header["__metadata__"]["convboard"])
    digest = parts.pop("sha256")
    changed = change_value(parts, draw)
    if not isinstance(changed, dict):
        return b""
    header["__metadata__"]["convboard"] = json.dumps({"sha256": "0" * len(digest), **changed}, separators=(",", ":"))
    text = json.dumps(header, separators=(",", ":")).encode()
    whole = len(text).to_bytes(8, "little") + text + content[8 + length :]
    return whole.replace(b"0" * len(digest), hashlib.sha256(whole).hexdigest().encode(), 1)


def change_file(path: Path, draw: random.Random) -> None:
    """Damage a file, or put something else in its place."""
    content = path.read_bytes()
    kind = draw.random()
    if kind < 0.05:
        path.unlink()
        draw.choice((path.mkdir, lambda: os.mkfifo(path), lambda: path.symlink_to("/dev/zero"), lambda: None))()
    elif kind < 0.3:
        path.write_bytes(change_bytes(content, draw))
    elif path.suffix == ".yaml":
        path.write_text(yaml.safe_dump(change_value(yaml.safe_load(content), draw)))
    elif path.suffix == ".json":
        path.write_text(json.dumps(change_value(json.loads(content), draw)))
    else:
        path.write_bytes(change_checkpoint(content, draw))


def check(seed: int, whole: Path, run: Path, run_in_process: RunCommand) -> None:
    """Damage a file of a copy of a run, and run a command that reads it."""
    draw = random.Random(seed)
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(whole, run)
    file, command = draw.choice(FILES), draw.choice(COMMANDS)
    change_file(run / file, draw)
    with limited(SECONDS):
        done = run_in_process(*command, environment={"FUZZ_SECRET": SECRET}, expected_code=None)
    story = f"seed {seed}, {file}, {command}: {done.returncode}\n{done.stderr}"
    assert done.returncode in (0, 2), story
    assert done.returncode == 0 or "convboard: " in done.stderr, story
    assert "Traceback" not in done.stderr, story
    assert SECRET not in done.stdout + done.stderr, story


@pytest.fixture
def whole(run_command: RunCommand, make_once: MakeOnce) -> Path:
    return make_once("fuzzed", lambda run: run_command("train.py", *SMALL, f"hydra.run.dir={run}"))


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_run_is_a_result_or_one_message(
    seed: int, whole: Path, tmp_path: Path, run_in_process: RunCommand
) -> None:
    check(seed, whole, tmp_path / "run", run_in_process)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 2500, 50))
def test_many_damaged_runs(first: int, whole: Path, tmp_path: Path, run_in_process: RunCommand) -> None:
    failed = []
    for seed in range(first, first + 50):
        try:
            check(seed, whole, tmp_path / "run", run_in_process)
        except Exception as error:
            failed.append(f"{type(error).__name__}: {error}")
    assert not failed, "\n\n".join(failed)
