"""What docs/questions.md says can be done: its commands run, and say what the text says of them."""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from commands import ROOT
from pages import all_commands, commands, rows, text_of

TEXT = text_of("docs/questions.md")
RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]

# What people ask, a phrase of each question: docs/questions.md is to hold all of them, each with its answer.
ASKED = (
    "4·7·7",
    "shape comes out of each layer, by which formula",
    "padding keeps the size",
    "does a unit see",
    "larger deeper down",
    "as many channels as its input, and why are there as many kernels as output channels",
    "1x1",
    "stride, dilation and groups",
    "pooling",
    "sharing",
    "kernel look like, and how did it learn",
    "my own picture",
    "dead",
    "gradients vanish",
    "Sequential the same network",
    "images are wrong, and which classes get mixed up",
    "see better than that one",
    "networks of my sweep learn differently",
    "learning rate is best, and is that more than chance",
    "failed, and why",
    "Is A better than B, or is that chance",
    "repeat the best",
    "setting mattered",
    "put the table into my report",
)
ANSWERS = {
    " ".join(question.split()): answer
    for question, answer in re.findall(r"^- \*\*(.*?)\*\*(.*?)(?=^- \*\*|^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
}
COMMANDS = re.findall(r"python (scripts/[^`)]+)", TEXT)
TAGS = re.findall(r"`((?:kernels|activations|gradient_norm|misclassified|confusion_matrix|accuracy)/[^`]+)`", TEXT)

# The commands that the tests below run; those of a whole network in their text are found by what sets them apart.
SHOWN = (
    ("scripts/layers.py model=batchnorm_cnn input_shape=[1,28,28]", "4·7·7 = 196"),
    ("scripts/layers.py model=lenet dataset=mnist", "⌊(32 + 2·0 − 1·(5−1) − 1)/1⌋ + 1 = 28"),
    ("scripts/layers.py model=lenet", "2,416"),
    (
        "scripts/layers.py model=cifar10_quick layer=conv3 row=4 col=4",
        "rows 2 to 31 and columns 2 to 31: 30 x 30 pixels",
    ),
)
CONV_DEMO = "scripts/layers.py model=conv_demo"
QUICK = "scripts/layers.py model=cifar10_quick"
COMPARED = tuple(f"scripts/layers.py model={name} format=csv" for name in ("cifar10_quick", "cifar10_quick_sequential"))
OWN_PICTURE = "scripts/feature_maps.py model=conv_demo image=cat.jpg"
(CHANGED,) = (command for command in COMMANDS if "dilation" in command)
(ONE_BY_ONE,) = (command for command in COMMANDS if "kernel_size: 1}" in command)
RUN = {command for command, _ in SHOWN}
RUN |= {CONV_DEMO, QUICK, *COMPARED, OWN_PICTURE, CHANGED, ONE_BY_ONE}
# Those of README and those on runs, which tests/cli/test_docs.py runs.
RUN |= {str(command) for command in (*commands("README.md"), *all_commands("scripts/runs.py"))}

# Of convboard's own tabs, by the words that they show; the other tabs are named with a tag.
OWN_TABS = ("Layers", "Sweeps")
PLUGIN = "".join(path.read_text() for path in sorted((ROOT / "src/convboard/plugins").rglob("*.js")))


def output(run_in_process: RunCommand, command: str) -> str:
    script, *arguments = shlex.split(command)
    return run_in_process(script, *arguments).stdout


def cells(run_in_process: RunCommand, command: str, column: str) -> dict[str, str]:
    """A column of a table, by the names of the layers."""
    _, table, *_ = output(run_in_process, command).split("\n\n")
    lines = table.splitlines()
    start = lines[0].index(column)
    end = start + len(re.split("(?=  )", lines[1][start:])[0])
    return {line.split()[0]: line[start:end].strip() for line in lines[2:]}


def is_shown(words: str) -> bool:
    """Whether a label in one of convboard's own tabs begins with these words."""
    return f'"{words.capitalize()}' in PLUGIN


def is_seen_in_a_tab(answer: str) -> bool:
    """Whether an answer names a tab of TensorBoard, and after it a layer or a word of convboard's own, or a tag."""
    clicks = re.findall(r"(Layers|Sweeps|Images|Time Series|Scalars) tab[:,](.*?)(?=\. |\Z)", answer, re.DOTALL)
    for tab, there in clicks:
        words = re.findall(r"\*([^*]+)\*", there)
        if tab in OWN_TABS and words and all(re.fullmatch(r"conv\d", word) or is_shown(word) for word in words):
            return True
        if tab not in OWN_TABS and any(f"`{tag}`" in there for tag in TAGS):
            return True
    return False


def test_every_question_is_there() -> None:
    found = {phrase: [question for question in ANSWERS if phrase in question] for phrase in ASKED}
    assert {phrase: len(questions) for phrase, questions in found.items()} == dict.fromkeys(ASKED, 1)
    assert {questions[0] for questions in found.values()} == set(ANSWERS)


@pytest.mark.parametrize("question", ANSWERS)
def test_every_question_is_answered_by_a_command_that_is_tested_or_by_clicks(question: str) -> None:
    answer = ANSWERS[question]
    quoted = (command.strip() for code in re.findall(r"`([^`]+)`", answer) for command in code.split("python ")[1:])
    assert any(command.split(")")[0] in RUN or command in RUN for command in quoted) or is_seen_in_a_tab(answer)


@pytest.mark.parametrize(("command", "seen"), SHOWN)
def test_what_a_command_shows(run_in_process: RunCommand, command: str, seen: str) -> None:
    assert command in COMMANDS
    assert seen in output(run_in_process, command)


def test_padding_that_keeps_the_size(run_in_process: RunCommand) -> None:
    assert CONV_DEMO in COMMANDS
    assert cells(run_in_process, CONV_DEMO, "keeps size") == {"conv1": "1", "conv2": ""}  # conv2 has a stride of 2


def test_pooling_halves_the_size_without_a_parameter(run_in_process: RunCommand) -> None:
    sizes = cells(run_in_process, QUICK, "output")
    assert [sizes[f"pool{at}"] for at in (1, 2, 3)] == ["32x16x16", "32x8x8", "64x4x4"]
    assert [sizes[f"conv{at}"] for at in (1, 2, 3)] == ["32x32x32", "32x16x16", "64x8x8"]
    parameters = cells(run_in_process, QUICK, "parameters")
    assert [parameters[f"pool{at}"] for at in (1, 2, 3)] == ["", "", ""]
    assert parameters["conv1"] == "2,432"


def test_stride_dilation_and_groups(run_in_process: RunCommand) -> None:
    plain, dilated, grouped, strided = (line.split() for line in output(run_in_process, CHANGED).splitlines()[4:8])
    assert [row[0] for row in (plain, dilated, grouped, strided)] == ["conv1", "conv2", "conv3", "conv4"]
    assert ("3x3" in plain, "7x7" in dilated, "9x9" in grouped) == (True, True, True)  # 4 pixels more, then 2
    assert ("584" in plain, "152" in grouped) == (True, True)  # 8·(8·9 + 1), 8·(8/4·9 + 1)
    assert ("8x32x32" in grouped, "8x16x16" in strided) == (True, True)


def test_a_one_by_one_convolution(run_in_process: RunCommand) -> None:
    first, second = (line.split() for line in output(run_in_process, ONE_BY_ONE).splitlines()[4:6])
    assert ("16x32x32" in first, "4x32x32" in second) == (True, True)
    assert (first.count("3x3"), second.count("3x3")) == (2, 1)  # kernel and field of view; the latter alone


def test_receptive_fields_grow(run_in_process: RunCommand) -> None:
    fields = ["5x5", "6x6", "14x14", "16x16", "32x32", "36x36*", "36x36*", "all of it", "all of it"]
    assert list(cells(run_in_process, QUICK, "sees").values()) == fields


def test_the_sequential_is_the_class(run_in_process: RunCommand) -> None:
    assert re.findall(r"<\(python (scripts/[^)]+)\)", TEXT) == [*COMPARED]
    assert len({output(run_in_process, command) for command in COMPARED}) == 1


def test_sharing_is_told_at_the_end(run_in_process: RunCommand) -> None:
    *_, last_but_one, last = output(run_in_process, CONV_DEMO).splitlines()
    assert last_but_one.startswith("The convolutions have 3,656 of the parameters. Fully connected layers")
    assert last.endswith(" weights.")


def test_ones_own_picture(run_in_process: RunCommand, tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), "orange").save(tmp_path / "cat.jpg")
    assert OWN_PICTURE in COMMANDS
    output(run_in_process, OWN_PICTURE)
    assert list(tmp_path.glob("cat*.png"))


def test_the_tags_that_are_named_are_written() -> None:
    """Those of the table in docs/looking_inside.md are; see test_docs.py."""
    written = {
        tag for row in rows("docs/looking_inside.md", "What TensorBoard shows") for tag in re.findall("`(.+?)`", row[1])
    }
    assert len(TAGS) >= 6
    assert {re.sub("(?<=/)conv1", "<layer>", tag) for tag in TAGS} <= written
