"""The code that the user has trusted a run with, remembered in the user's cache folder, never in the run itself."""

import json
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from convboard.files import atomic_write_text, cache_path, read_text

_LONGEST = 100_000  # bytes of a file


def remember(run: Path, targets: Collection[str]) -> None:
    """Remember that the user trusts some targets of a run, in commands of the current folder.

    The code is imported from that folder, so in another one it can be other code under the same name.

    Args:
        run: The run directory.
        targets: The names of the classes.
    """
    everything = sorted({*targets, *remembered(run)})
    with suppress(OSError, RuntimeError):  # without a cache folder the user is asked again
        file = cache_path("trusted", _place(run))
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_text(file, json.dumps({**_place(run), "targets": everything}, indent=2) + "\n")


def remembered(run: Path) -> frozenset[str]:
    """Return the targets of a run that the user has trusted in the current folder."""
    with suppress(OSError, RuntimeError, ValueError, RecursionError):
        content = json.loads(read_text(cache_path("trusted", _place(run)), _LONGEST))
        if isinstance(content, dict) and content == {**_place(run), "targets": content.get("targets")}:
            return frozenset(map(str, content["targets"] or ()))
    return frozenset()


def _place(run: Path) -> dict[str, str]:
    return {"run": str(run.resolve()), "folder": str(Path.cwd())}
