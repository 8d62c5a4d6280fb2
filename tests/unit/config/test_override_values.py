"""What overrides say before anything is composed."""

import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from convboard.config.command_line import assignment
from convboard.config.compose import compose_config
from convboard.config.override_values import number_of_runs, with_quoted_texts, without_blanks


@pytest.mark.parametrize(
    "path",
    [
        *("sweep/lr=0.1,seed=1", "a,b", "Müller/Bilder (1)", "it's", "a{b}", "a=b", "'a", "a#b", "outputs/x"),
        *("5", "1e3", "2026_11", "007", "true", "[a] b", "nan", "range(1,3)"),
    ],
)
@pytest.mark.parametrize("key", ["resume", "repeat", "data_dir", "dataset.path", "hydra.run.dir"])
def test_a_path_needs_no_quotes_of_hydra(key: str, path: str) -> None:
    (override,) = with_quoted_texts([f"{key}={path}"])
    assert OverridesParser.create().parse_override(override).value() == path


@pytest.mark.parametrize("value", ["größe.Netz", "日本", "it's", "a!b", "<3", "#", "a=b"])
def test_a_text_of_any_letters_needs_no_quotes_of_hydra(value: str) -> None:
    (override,) = with_quoted_texts([f"+model.name={value}"])
    assert OverridesParser.create().parse_override(override).value() == value


@pytest.mark.parametrize(
    "override",
    ["seed=1,2", "model=ä,ö", "model.x=[ä]", "model.x='ä", "seed=", "resume=null", "resume='a b'", "-m", "~model"],
)
def test_everything_else_stays_as_it_is_written(override: str) -> None:
    assert with_quoted_texts([override]) == [override]


@pytest.mark.parametrize(
    "line", ["model|=|lenet", "seed=1|model=|lenet", "model|=lenet", "model = lenet", "a|model =lenet"]
)
def test_blanks_around_the_equals_sign(line: str) -> None:
    assert without_blanks(line.split("|")) == "model=lenet"


@pytest.mark.parametrize("line", ["model=lenet", "=3", "data_dir=|seed=1", "resume=a = b", "-m|=3", "model|seed=1"])
def test_no_blanks_around_the_equals_sign(line: str) -> None:
    assert without_blanks(line.split("|")) is None


def test_in_a_sweep_a_comma_separates_values() -> None:
    assert with_quoted_texts(["data_dir=a,b"], is_sweep=True) == ["data_dir=a,b"]
    assert with_quoted_texts(["model=größe, lenet,ä b"], is_sweep=True) == ["model='größe',lenet,'ä b'"]


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ("pics (1),pics (2)", ["pics (1)", "pics (2)"]),
        ("5,1e3, 2026_11", ["5", "1e3", "2026_11"]),
        ("'a, b',c (1)", ["a, b", "c (1)"]),
        ("mum's,b", ["mum's", "b"]),
        ("choice(a,b)", ["a", "b"]),
        ("null,a", ["null", "a"]),
        ("choice (1),b", ["choice (1)", "b"]),
    ],
)
def test_a_sweep_over_paths(value: str, paths: list[str]) -> None:
    (override,) = with_quoted_texts([f"dataset.path={value}"], is_sweep=True)
    parsed = OverridesParser.create().parse_override(override)
    assert [text.strip("'") for text in parsed.sweep_string_iterator()] == [path.replace("'", "\\'") for path in paths]
    assert number_of_runs([override]) == len(paths)


def test_paths_of_a_composed_config() -> None:
    assert compose_config(["dataset=mnist", "data_dir=Müller=x,y"]).config.data_dir == "Müller=x,y"


@pytest.mark.parametrize(
    "path", ["sweep/lr=0.1,seed=1", "a b", 'it\'s "quoted"', "back\\slash\\", 'a "b"\\', "$(x) 🙂"]
)
def test_advice_with_the_directory_of_a_run_is_read_as_written(path: str) -> None:
    """By the shell, and by Hydra."""
    (override,) = with_quoted_texts(shlex.split(assignment("resume", path)))
    assert OverridesParser.create().parse_override(override).value() == path
