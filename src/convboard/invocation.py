"""How commands are begun here, so that advice can be typed as it stands: through uv, or in its environment."""

import os
from pathlib import Path


def python() -> str:
    """What runs a script: `uv run` where uv runs this one, else `python`."""
    return "uv run" if _through_uv() else "python"


def tensorboard(logdir: str | Path) -> str:
    """The command that shows what lies in a folder."""
    prefix = "uv run " if _through_uv() else ""  # without it tensorboard is not on the user's PATH
    return f"{prefix}tensorboard --logdir {logdir}"


def _through_uv() -> bool:
    return bool(os.environ.get("UV"))
