import sys
import tomllib
from pathlib import Path

import pytest

from commands import ROOT
from convboard.errors import ConfigError
from convboard.results.export.trackers import REQUIREMENTS, TRACKERS, open_tracker


@pytest.mark.parametrize(("uv", "pip"), [("", "pip install"), ("uv", "uv pip install")])
@pytest.mark.parametrize("name", TRACKERS)
def test_a_tracker_that_is_not_installed(
    name: str, uv: str, pip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).mkdir()  # which is no package, although Python would import it
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setenv("UV", uv)
    with pytest.raises(ConfigError) as caught:
        open_tracker(name, tmp_path / "out", "a project")
    commands = [f"{pip} '{requirement}'" for requirement in REQUIREMENTS[name]]
    assert str(caught.value) == f"to={name} needs {name}: {', and then '.join(commands)}."


def test_the_extras_install_what_the_message_says() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for name, requirements in REQUIREMENTS.items():
        assert name == "trackio" or tuple(extras[name]) == requirements
