"""Files of YAML that would take all memory, or never end, are refused before they are parsed."""

import os
from pathlib import Path

import pytest

from convboard.cli.command_help import train_help
from convboard.config.compose import compose_config
from convboard.config.stored_config import dump_config
from convboard.config.yaml_limits import read_yaml_text
from convboard.errors import ConfigError
from convboard.experiment.repeat import expand_repeat
from permissions import permissions

BOMB = "a: &a [1, 1]\n" + "".join(f"{chr(i + 1)}: &{chr(i + 1)} [{f'*{chr(i)}, ' * 9}]\n" for i in range(97, 103))


@pytest.fixture
def option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file for an option of the user's own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf/model").mkdir(parents=True)
    return tmp_path / "conf/model/mine.yaml"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BOMB, "it has more than 100,000 values, with those that aliases stand for"),
        ("a: &a [1, *a]", r"the alias \*a in line 1 stands for nothing before it, or for itself"),
        ("a: *b", r"the alias \*b in line 1 stands for"),
        ("a: " + "[" * 60 + "]" * 60, "lists and mappings are nested more than 50 deep"),
        ("a: " + "[" * 900_000, "lists and mappings are nested more than 50 deep"),
        ("a: " + "x" * 1_000_000, "Larger than 1,000,000 bytes"),
        ("a: [" + "1," * 200_000 + "]", "it has more than 100,000 values"),
        ("a: \0", "characters are not allowed"),
    ],
    ids=lambda text: text[:20],
)
def test_an_option_of_ones_own_is_read_with_limits(text: str, reason: str, option: Path) -> None:
    option.write_text(text)
    with pytest.raises(ConfigError, match=f"mine.yaml cannot be read: .*{reason}") as caught:
        compose_config(["model=mine"])
    assert "\n" not in str(caught.value)
    assert compose_config(["model=lenet"]).model_name == "lenet"  # a file that is not chosen is not read


def test_a_folder_of_options_that_is_named_is_read_with_limits(option: Path, tmp_path: Path) -> None:
    option.write_text(BOMB)
    (tmp_path / "conf").rename(tmp_path / "other")
    with pytest.raises(ConfigError, match=r"other/model/mine\.yaml cannot be read: it has more than"):
        compose_config(["model=mine", f"hydra.searchpath=[file://{tmp_path}/other]"])


@pytest.mark.parametrize("name", ["mine", "lenet"])
@pytest.mark.parametrize("folder", ["conf", "conf/model"])
def test_options_that_cannot_be_seen_are_never_passed_over(
    folder: str, name: str, option: Path, tmp_path: Path
) -> None:
    option.touch()
    with (
        permissions(tmp_path / folder, 0),
        pytest.raises(ConfigError, match=f"/{folder} cannot be searched for options: Permission denied"),
    ):
        compose_config([f"model={name}"])


def test_an_option_that_cannot_be_read(option: Path) -> None:
    option.touch()
    with permissions(option, 0), pytest.raises(ConfigError, match=r"mine\.yaml cannot be read: Permission denied"):
        compose_config(["model=mine"])


def test_what_is_no_yaml_is_told_with_its_place(option: Path) -> None:
    option.write_text("a: [1\nb: 2\n")
    with pytest.raises(ConfigError, match=r"mine.yaml, line 1, column 4: this is not YAML"):
        compose_config(["model=mine"])


def test_aliases_may_be_used(option: Path) -> None:
    option.write_text("a: &a [1, 1]\nb: [*a, *a]\n")
    assert read_yaml_text(option) == option.read_text()
    option.write_text("_target_: convboard.models.LeNet\nimage_size: &size 32\nnum_classes: *size\n")
    assert compose_config(["model=mine"]).config.model["num_classes"] == 32


@pytest.mark.parametrize("text", [BOMB, "a: [1\nb: 2\n", "a: 1\na: 2\n"])
def test_a_repeated_run_passes_over_options_that_cannot_be_read(text: str, option: Path, tmp_path: Path) -> None:
    option.write_text(text)
    run, config = tmp_path / "run", compose_config([]).config
    run.mkdir()
    (run / "config.yaml").write_text(dump_config(config))
    assert compose_config(expand_repeat(["repeat=run"])).config == config


def test_help_does_not_wait_for_a_pipe(option: Path) -> None:
    os.mkfifo(option)
    assert "trainer.max_epochs" in train_help([])
