"""`--help` explains every key."""

import re
from dataclasses import fields

import pytest

from convboard.cli.command_help import script_help, train_help
from convboard.cli.layers import Arguments
from convboard.config.compose import compose_config
from convboard.sweeps.sweep_options import SweepOptions


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("UV", "")
    monkeypatch.setattr("sys.argv", ["train.py"])


def test_every_key_of_a_run_is_there_with_its_value_and_its_meaning() -> None:
    text = train_help(["model=whitened_cnn", "scheduler=cosine", "batch_size=17"])
    assert "  batch_size=17           Images per batch.\n" in text
    assert "  model.components=24               principal components of the patches" in text
    assert "\nscheduler: The learning rate falls along half a cosine.\n" in text
    assert "python train.py --help model=resnet18" in text
    config = compose_config([]).config.to_dict()
    for group in ("dataset", "loss", "trainer", "board"):
        for key in config[group]:
            (line,) = (at for at, line in enumerate(text.splitlines()) if line.startswith(f"  {group}.{key}="))
            first = text.splitlines()[line].split(maxsplit=1)
            assert len(first) == 2 or text.splitlines()[line + 1].startswith(" " * 12)


def test_the_help_of_a_command_with_keys_of_its_own() -> None:
    text = script_help(Arguments, "layers")
    assert text.startswith(
        "usage: python scripts/layers.py [run=null] [input_shape=null] [depth=null] [collapse=null]\n"
    )
    assert "\n  row=0             The unit's row in the layer's output.\n" in text


def test_every_key_of_a_sweep_is_there_once_with_its_value() -> None:
    text = train_help(["sweep=random", "sweep.workers=3"])
    shown = re.findall(r"^  sweep\.(\w+)=(\S*)", text, re.MULTILINE)
    keys = {field.name for field in fields(SweepOptions)} - {"backend", "submission"}
    assert sorted(key for key, _ in shown) == sorted(keys)
    assert {"search": "random", "workers": "3", "max_trials": "20"}.items() <= dict(shown).items()
    assert re.search("^  sweep +grid random tpe$", text, re.MULTILINE)


def test_the_keys_of_the_chosen_backend_are_there() -> None:
    text = train_help(["sweep/backend=command"])
    assert "\n  sweep/backend                     command local slurm\n" in text
    assert "\n  sweep.backend.workers_per_node=1  Number of runs" in text
    assert "sweep.backend.cpus" not in train_help([])


def test_what_is_null_on_the_command_line_is_not_called_none() -> None:
    text = train_help([])
    assert "None" not in text
    assert "`" not in text


def test_another_width(monkeypatch: pytest.MonkeyPatch) -> None:
    words = set(train_help([]).split())
    for width in (40, 60, 80):
        monkeypatch.setenv("COLUMNS", str(width))
        text = train_help([])
        tables = [line for line in text.splitlines() if line.startswith("   ")]
        assert width < 60 or max(map(len, tables)) <= width
        meanings = {word for line in tables for word in line.split()}
        assert meanings <= words  # none is broken in two
