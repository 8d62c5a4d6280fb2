"""Where the options of the config groups are."""

from pathlib import Path

_PACKAGED, _IN_CHECKOUT = Path(__file__).parents[1] / "conf", Path(__file__).parents[3] / "conf"
CONF = _PACKAGED if _PACKAGED.is_dir() else _IN_CHECKOUT


def conf_folders() -> list[Path]:
    """The folders with options: the user's own `conf/`, then convboard's. The first one that has an option counts."""
    own = Path.cwd() / "conf"
    return [own, CONF] if own.is_dir() and own.resolve() != CONF.resolve() else [CONF]
