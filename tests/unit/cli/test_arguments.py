"""What is no `key=value`, and what the scripts' own keys cannot be."""

import os
import shlex
from pathlib import Path

import pytest

from convboard.cli.arguments import read_arguments
from convboard.cli.evaluate import Arguments as Evaluate
from convboard.cli.layers import Arguments as Layers
from convboard.errors import ConfigError


@pytest.mark.parametrize("name", ["run", "my run", "it's", 'a"b', "ä", "a$b", "run/"])
@pytest.mark.parametrize("schema", [Evaluate, Layers])
def test_a_folder_alone_is_the_run_and_the_advice_works(
    name: str, schema: type[Evaluate | Layers], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).mkdir()
    with pytest.raises(ConfigError, match=r"is not understood: write .*run=") as caught:
        read_arguments(schema, "any", [name])
    (advice,) = shlex.split(str(caught.value).partition("write ")[2].removesuffix("."))
    assert read_arguments(schema, "any", [advice]).run == name


@pytest.mark.parametrize("name", ["a file", "a pipe", "nothing", ""])
def test_what_is_no_folder_gets_all_keys(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a file").touch()
    os.mkfifo("a pipe")
    with pytest.raises(ConfigError, match=f"^{name!r} is not understood: give arguments as run=... trust=...$"):
        read_arguments(Evaluate, "evaluate", [name])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "=", "here"], "Write run=here, without blanks around the equals sign."),
        (["run=", "here"], "Write run=here, without blanks around the equals sign."),
        (["row=3"], "row and col need a layer: add layer=<name>, such as layer=conv1."),
        (["depth=0"], "depth=0: give 1 for the network's children, 2 for theirs, and so on."),
        (["trust=[a"], "'trust=[a' is not understood: its value is not YAML."),
        (["trust=perhaps"], "trust='perhaps': must be true or false."),
    ],
)
def test_the_message(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_arguments(Layers, "layers", arguments)
    assert str(caught.value) == message
