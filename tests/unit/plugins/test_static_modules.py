"""The modules of the tabs as files: what imports what."""

import os
import re
from pathlib import Path

import pytest

import convboard.plugins

PLUGINS = Path(convboard.plugins.__file__).parent
_IMPORT = re.compile(r'^(?:import|\} from|export .* from).*"(.+)";$', re.MULTILINE)


def imported(module: Path) -> set[Path]:
    """The modules that one imports itself."""
    return {Path(os.path.normpath(module.parent / name)) for name in _IMPORT.findall(module.read_text())}


def reachable(module: Path) -> set[Path]:
    """The modules that a browser loads for one."""
    found, left = {module}, [module]
    while left:
        new = imported(left.pop()) - found
        found |= new
        left += new
    return found


@pytest.mark.parametrize("plugin", ["layers", "sweeps"])
def test_the_first_module_names_all_others_so_that_a_browser_asks_for_them_at_once(plugin: str) -> None:
    first = PLUGINS / plugin / "static/index.js"
    assert imported(first) == reachable(first) - {first}


def test_no_module_is_left_over() -> None:
    firsts = [PLUGINS / plugin / "static/index.js" for plugin in ("layers", "sweeps")]
    used = set().union(*map(reachable, firsts))
    assert used == set(PLUGINS.rglob("*.js"))
