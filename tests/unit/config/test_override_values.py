"""What overrides say before anything is composed."""

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from convboard.config.command_line import assignment
from convboard.config.compose import compose_config
from convboard.config.override_values import with_quoted_paths


@pytest.mark.parametrize(
    "path",
    ["sweep/lr=0.1,seed=1", "a,b", "Müller/Bilder (1)", "it's", "a{b}", "a=b", "'a", "a#b", "outputs/x"],
)
@pytest.mark.parametrize("key", ["resume", "repeat", "data_dir", "dataset.path", "hydra.run.dir"])
def test_a_path_needs_no_quotes_of_hydra(key: str, path: str) -> None:
    (override,) = with_quoted_paths([f"{key}={path}"])
    assert OverridesParser.create().parse_override(override).value() == path


@pytest.mark.parametrize("override", ["seed=1,2", "optimizer.lr=a=b", "resume=null", "resume='a b'", "-m", "~model"])
def test_everything_else_stays_as_it_is_written(override: str) -> None:
    assert with_quoted_paths([override]) == [override]


def test_in_a_sweep_a_comma_separates_values() -> None:
    assert with_quoted_paths(["data_dir=a,b"], is_sweep=True) == ["data_dir=a,b"]


def test_paths_of_a_composed_config() -> None:
    assert compose_config(["dataset=mnist", "data_dir=Müller=x,y"]).config.data_dir == "Müller=x,y"


def test_advice_with_the_directory_of_a_sweeps_job_is_read_as_written() -> None:
    path = Path("sweep/lr=0.1,seed=1")
    (override,) = with_quoted_paths([assignment("resume", path)])
    assert OverridesParser.create().parse_override(override).value() == str(path)
