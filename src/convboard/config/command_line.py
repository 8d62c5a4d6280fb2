"""How commands and overrides are written here, so that advice can be typed as it stands."""

import os
import shlex
import sys
from pathlib import Path


def command(name: str, *arguments: str) -> str:
    """A command of convboard as this one was started: `python train.py`, `uv run train.py` or `convboard train`.

    Args:
        name: `train`, `evaluate`, `layers` or `feature-maps`.
        arguments: What follows it, already quoted; see `assignment`.
    """
    started = Path(sys.argv[0])
    if started.name == "convboard":
        words = [*_uv(), "convboard", name]
    elif started.name == "__main__.py":
        words = [*_uv(), "python", "-m", "convboard", name]
    else:
        words = [*(_uv() or ["python"]), "train.py" if name == "train" else f"scripts/{name.replace('-', '_')}.py"]
    return " ".join([*words, *arguments])


def tensorboard(logdir: str | Path) -> str:
    """The command that shows what is in a folder."""
    return " ".join([*_uv(), "tensorboard", "--logdir", shlex.quote(str(logdir))])


def assignment(key: str, value: str | Path) -> str:
    """`key=value` as a shell and then Hydra take it: quoted for both where a shell would not take it as it is."""
    text = str(value)
    return f"{key}={text}" if shlex.quote(text) == text else shlex.quote(f'{key}="{text}"')


def _uv() -> list[str]:
    """`uv run`, where uv started this command: without it, the environment is not on the user's PATH."""
    return ["uv", "run"] if os.environ.get("UV") else []
