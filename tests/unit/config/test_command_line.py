from pathlib import Path

import pytest

from convboard.config.command_line import assignment, command, format_value, printable, tensorboard


@pytest.mark.parametrize(
    ("uv", "started", "train", "feature_maps", "look"),
    [
        ("", "train.py", "python train.py", "python scripts/feature_maps.py", "tensorboard"),
        ("uv", "train.py", "uv run train.py", "uv run scripts/feature_maps.py", "uv run tensorboard"),
        ("", "bin/convboard", "convboard train", "convboard feature-maps", "tensorboard"),
        ("uv", "bin/convboard", "uv run convboard train", "uv run convboard feature-maps", "uv run tensorboard"),
        ("", "../train.py", "python ../train.py", "python ../scripts/feature_maps.py", "tensorboard"),
        (
            "uv",
            "a b/train.py",
            "uv run 'a b/train.py'",
            "uv run 'a b/scripts/feature_maps.py'",
            "uv run tensorboard",
        ),
        ("", "scripts/layers.py", "python train.py", "python scripts/feature_maps.py", "tensorboard"),
        ("", "/x/scripts/layers.py", "python /x/train.py", "python /x/scripts/feature_maps.py", "tensorboard"),
        ("", "/x/ipykernel_launcher.py", "python train.py", "python scripts/feature_maps.py", "tensorboard"),
        ("", "x/__main__.py", "python -m convboard train", "python -m convboard feature-maps", "tensorboard"),
    ],
)
def test_advice_is_written_as_the_command_was_started(
    uv: str, started: str, train: str, feature_maps: str, look: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV", uv)
    monkeypatch.setattr("sys.argv", [started])
    assert command("train", "resume=x") == f"{train} resume=x"
    assert command("feature-maps") == feature_maps
    assert tensorboard("outputs") == f"{look} --logdir outputs"


def test_advice_of_a_script_that_was_started_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV", "")
    monkeypatch.setattr("sys.argv", ["evaluate.py"])
    (tmp_path / "scripts").mkdir()
    monkeypatch.chdir(tmp_path / "scripts")
    assert command("train") == "python ../train.py"


def test_a_path_with_a_space_is_quoted_for_the_shell_and_for_hydra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV", "")
    assert assignment("resume", "my runs/x") == """'resume="my runs/x"'"""
    assert assignment("resume", "runs/lr=0.1,seed=1") == "resume=runs/lr=0.1,seed=1"
    assert tensorboard("my runs") == "tensorboard --logdir 'my runs'"


@pytest.mark.parametrize(
    ("value", "for_people", "for_hydra"),
    [
        (None, "null", "null"),
        (True, "true", "true"),
        (0.1, "0.1", "0.1"),
        ("lenet", "lenet", "lenet"),
        *((text, text, f"'{text}'") for text in ("1", "null", "True", "nan", "ä", "")),
        ("torch.optim.SGD", "torch.optim.SGD", "'torch.optim.SGD'"),
        (Path("my runs"), "my runs", "'my runs'"),
        ("it's", "it's", r"'it\'s'"),
        ("a\\b", "a\\b", r"'a\b'"),
        ("a\\'\\", "a\\'\\", r"'a\\\'\\'"),
        ([3, "a b", None], "[3,a b,null]", "[3,'a b',null]"),
        ((1, {"padding": 1}), "[1,{padding:1}]", "[1,{padding:1}]"),
    ],
)
def test_a_value_is_written_as_it_is_typed(value: object, for_people: str, for_hydra: str) -> None:
    assert format_value(value) == for_people
    assert format_value(value, quoted=True) == for_hydra


def test_control_characters_are_shown_as_they_are_written() -> None:
    hostile = "\x1b[2Ja\rb\x07\x9bc\u202ed\x7f"
    assert printable(hostile) == r"\x1b[2Ja\rb\x07\x9bc\u202ed\x7f"
    assert printable("line\n\tä ⌊½⌋ 中") == "line\n\tä ⌊½⌋ 中"
