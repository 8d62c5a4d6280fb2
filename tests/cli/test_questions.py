"""What docs/questions.md says can be done: its commands run, and say what the text says of them."""

import contextlib
import io
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/questions.md").read_text()
RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]

QUESTIONS = re.findall(r"^- \*\*(.*?)\*\*", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"python (scripts/[^`)]+)", TEXT)


def output(run_command: RunCommand, command: str) -> str:
    script, *arguments = shlex.split(command)
    return run_command(script, *arguments).stdout


def test_every_question_is_answered_by_a_command_or_by_clicks() -> None:
    answers = re.split(r"^- \*\*.*?\*\*", TEXT, flags=re.MULTILINE | re.DOTALL)[1:]
    assert len(answers) == len(QUESTIONS) == 17
    assert all("`python scripts/" in answer or " tab" in answer or "diff <(" in answer for answer in answers)


@pytest.mark.parametrize(
    ("command", "seen"),
    [
        ("model=batchnorm_cnn input_shape=[1,28,28]", "4·7·7 = 196"),
        ("model=lenet dataset=mnist", "⌊(32 + 2·0 − 1·(5−1) − 1)/1⌋ + 1 = 28"),
        ("model=conv_demo", "keeps size"),
        ("model=lenet", "2,416"),
        ("model=cifar10_quick layer=conv3 row=4 col=4", "rows 2 to 31 and columns 2 to 31: 30 x 30 pixels"),
    ],
)
def test_what_a_command_shows(run_command: RunCommand, command: str, seen: str) -> None:
    assert f"scripts/layers.py {command}" in COMMANDS
    assert seen in output(run_command, f"scripts/layers.py {command}")


def test_stride_dilation_and_groups(run_command: RunCommand) -> None:
    (command,) = [command for command in COMMANDS if "dilation" in command]
    rows = [line.split() for line in output(run_command, command).splitlines()[2:5]]
    assert [row[0] for row in rows] == ["conv1", "conv2", "conv3"]
    assert "8x15x15" in rows[0]  # a stride of 2 halves 32
    assert "11x11" in rows[1]  # a 5x5 kernel behind that stride would see as much: 3 + 2·(5 − 1)
    assert ("584" in rows[1], "152" in rows[2]) == (True, True)  # 8·(8·9 + 1), 8·(8/4·9 + 1)


def test_a_one_by_one_convolution(run_command: RunCommand) -> None:
    (command,) = [command for command in COMMANDS if "kernel_size: 1}" in command]
    first, second = (line.split() for line in output(run_command, command).splitlines()[2:4])
    assert ("16x32x32" in first, "4x32x32" in second) == (True, True)
    assert (first.count("3x3"), second.count("3x3")) == (2, 1)  # kernel and field of view; the latter alone


def test_receptive_fields_grow(run_command: RunCommand) -> None:
    lines = output(run_command, "scripts/layers.py model=cifar10_quick").splitlines()
    at = lines[0].index("sees")
    assert [line[at:].split()[0] for line in lines[2:8]] == ["5x5", "6x6", "14x14", "16x16", "32x32", "36x36"]


def test_the_sequential_is_the_class(run_command: RunCommand) -> None:
    pair = re.findall(r"<\(python (scripts/[^)]+)\)", TEXT)
    assert len(pair) == 2
    assert len({output(run_command, command) for command in pair}) == 1


def test_sharing_is_told_in_the_last_line(run_command: RunCommand) -> None:
    last = output(run_command, "scripts/layers.py model=conv_demo").splitlines()[-1]
    assert last.startswith("The convolutions have 3,656 of them; fully connected layers")


def test_ones_own_picture(run_command: RunCommand, tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), "orange").save(tmp_path / "cat.jpg")
    command = "scripts/feature_maps.py model=conv_demo image=cat.jpg"
    assert command in COMMANDS
    output(run_command, command)
    assert list(tmp_path.glob("cat*.png"))


def test_the_example_gives_what_it_says() -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(block, {})
    assert printed.getvalue().splitlines() == re.findall(r"^# (.+)$", block, re.MULTILINE)


def test_the_tags_that_are_named_are_written(run_command: RunCommand, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run_command("train.py", "trainer.max_epochs=1", "trainer.limit_train_batches=2", "hydra.run.dir=run")
    reader = EventAccumulator(str(tmp_path / "run"))
    reader.Reload()
    written = {tag for tags in reader.Tags().values() if isinstance(tags, list) for tag in tags}
    named = re.findall(r"`((?:kernels|activations|gradient_norm|misclassified|confusion_matrix|accuracy)/[^`]+)`", TEXT)
    assert len(named) >= 6
    assert {tag.replace("<layer>", "conv1") for tag in named} <= written
