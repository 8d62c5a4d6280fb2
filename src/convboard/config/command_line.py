"""How commands are begun here, so that advice can be typed as it stands: through uv, or in its environment."""

import os
import shlex
from pathlib import Path


def python() -> str:
    """What runs a script: `uv run` where uv runs this one, else `python`."""
    return "uv run" if _through_uv() else "python"


def tensorboard(logdir: str | Path) -> str:
    """The command that shows what lies in a folder."""
    prefix = "uv run " if _through_uv() else ""  # without it tensorboard is not on the user's PATH
    return f"{prefix}tensorboard --logdir {shlex.quote(str(logdir))}"


def assignment(key: str, value: str | Path) -> str:
    """`key=value` as a shell and then Hydra take it: quoted for both where a shell would not take it as it is."""
    text = str(value)
    return f"{key}={text}" if shlex.quote(text) == text else shlex.quote(f'{key}="{text}"')


def _through_uv() -> bool:
    return bool(os.environ.get("UV"))
