"""What the README says is true: its commands run, its figures are those of the code."""

import contextlib
import io
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import nn

import convboard
from convboard.anatomy.table import format_table

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
QUICK = [
    "trainer.max_epochs=1",
    "trainer.limit_train_batches=2",
    "trainer.limit_val_batches=1",
    "trainer.limit_test_batches=1",
]
RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


SCRIPTS = [block for block in blocks("bash") if block.startswith("#!")]
SHELL = [block for block in blocks("bash") if block not in SCRIPTS]


def commands(start: str) -> list[list[str]]:
    """The arguments of each shell command of the README that begins with `start`, whoever runs it."""
    lines = [re.sub(r"\s+#.*", "", line) for block in SHELL for line in block.splitlines()]
    stripped = [re.sub(r"^(pip install uv && )?(uv run |python )?", "", line) for line in lines]
    return [shlex.split(line)[1:] for line in stripped if line.startswith(start)]


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_command_is_one_that_a_test_below_runs() -> None:
    known = [
        "train.py",
        "scripts/evaluate.py",
        "scripts/feature_maps.py",
        "scripts/layers.py",
        "tensorboard",
        "pytest",
        "torchrun",
    ]
    shown = sum(len([line for line in block.splitlines() if line.strip()]) for block in SHELL)
    assert sum(len(commands(start)) for start in known) == shown


def test_the_test_command_is_the_one_that_ci_runs() -> None:
    assert "pip install uv && uv run pytest" in README
    assert 'uv run pytest "$@"' in (ROOT / "scripts/test").read_text()
    assert "scripts/test" in (ROOT / ".ci/run").read_text()


def needs_data(arguments: list[str]) -> bool:
    return any(re.search("mnist|cifar10", argument) for argument in arguments)


def resumes(arguments: list[str]) -> bool:
    return any(argument.startswith("resume=") for argument in arguments)


NEW_RUNS = [given for given in commands("train.py") if not resumes(given)]


@pytest.mark.parametrize("arguments", [given for given in NEW_RUNS if not needs_data(given)], ids=" ".join)
def test_a_training_command_runs(arguments: list[str], run_command: RunCommand, tmp_path: Path) -> None:
    prepare(tmp_path, arguments)
    done = run_command("train.py", *arguments, *([] if "--help" in arguments else QUICK))
    assert "--help" in arguments or "tensorboard --logdir outputs" in done.stdout


@pytest.mark.data
@pytest.mark.parametrize("arguments", [given for given in NEW_RUNS if needs_data(given)], ids=" ".join)
def test_a_training_command_on_full_data_runs(
    arguments: list[str], run_command: RunCommand, tmp_path: Path, data_dir: Path
) -> None:
    overridden = {argument.split("=")[0] for argument in arguments}
    quick = [argument for argument in QUICK if argument.split("=")[0] not in overridden]
    run_command("train.py", *arguments, *quick, f"data_dir={data_dir}")
    assert list(tmp_path.glob("outputs/**/result.json"))


def test_torchrun_has_the_options_that_the_readme_gives_it(tmp_path: Path) -> None:
    """That it trains with them is seen in test_torchrun.py."""
    from torch.distributed.run import get_args_parser

    (script,) = SCRIPTS
    (line,) = re.findall(r"srun torchrun (.*?)$", script.replace("\\\n", ""), re.MULTILINE)
    in_script = shlex.split(line.replace('"$SLURM_NNODES"', "2"))
    for arguments in [*commands("torchrun"), in_script]:
        parsed = get_args_parser().parse_args(arguments)
        assert parsed.training_script == "train.py"
        assert {argument.split("=")[0] for argument in parsed.training_script_args} <= {"model", "dataset"}
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def prepare(folder: Path, arguments: list[str]) -> None:
    """Make what a command takes for granted: a folder of pictures, or the model of the README."""
    if "dataset=image_folder" in arguments:
        from PIL import Image

        for label, grey in (("dark", 40), ("light", 200)):
            (folder / "pictures" / label).mkdir(parents=True)
            for at in range(70):
                Image.new("L", (40, 40), grey + at % 30).save(folder / "pictures" / label / f"{at}.png")
    if "model._target_=mynet.MyNet" in arguments:
        (folder / "mynet.py").write_text(next(block for block in blocks("python") if "class MyNet" in block))


def test_a_run_is_evaluated_and_shown_as_the_readme_says(run_command: RunCommand, tmp_path: Path) -> None:
    run_command("train.py", *QUICK)
    (run,) = tmp_path.glob("outputs/digits/lenet/*")
    ((argument,),) = commands("scripts/evaluate.py")
    done = run_command("scripts/evaluate.py", argument.replace("RUN", run.name))
    assert "The same figures" in done.stdout
    ((resume, *changes),) = [given for given in commands("train.py") if resumes(given)]
    done = run_command("train.py", resume.replace("RUN", run.name), *changes)
    assert "resumed after 1 epoch, " in done.stdout
    assert commands("tensorboard") == [["--logdir", "outputs"]] * 2  # served in test_tensorboard_http.py


def test_a_picture_of_one_s_own_is_looked_at_as_the_readme_says(run_command: RunCommand, tmp_path: Path) -> None:
    from PIL import Image

    run_command("train.py", *QUICK)
    (run,) = tmp_path.glob("outputs/digits/lenet/*")
    for name in ("cat.jpg", "three.jpg"):
        Image.new("RGB", (60, 40), "white").save(tmp_path / name)
    for arguments in commands("scripts/feature_maps.py"):
        done = run_command("scripts/feature_maps.py", *(argument.replace("RUN", run.name) for argument in arguments))
        assert ("tensorboard --logdir" in done.stdout) == ("log=true" in arguments)
    assert {path.name for path in tmp_path.rglob("*.png")} == {"cat.png", "three.png", "cat_conv_demo.png"}


def test_a_network_is_shown_as_a_table_as_the_readme_says(run_command: RunCommand) -> None:
    ((*arguments,),) = commands("scripts/layers.py")
    assert "conv2" in run_command("scripts/layers.py", *arguments).stdout
    (shown,) = [block for block in blocks("text") if "scripts/layers.py" in block]
    command, _, table = shown.partition("\n")
    assert command == "$ python scripts/layers.py model=batchnorm_cnn input_shape=[1,28,28]"
    rows = convboard.layer_table(convboard.build_model("batchnorm_cnn", (1, 28, 28), 10), (1, 28, 28))
    title = "batchnorm_cnn for 1x28x28 images (as given)"
    assert table == format_table(rows, "text", width=100, title=title) + "\n"


def test_the_python_example_prints_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    example = next(block for block in blocks("python") if "layer_outputs" in block)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example, "README.md", "exec"), {})
    assert f"# {printed.getvalue().strip()}" in example


@pytest.mark.parametrize("row", [row for row in rows("Networks") if row[2] != "any"], ids=lambda row: row[0])
def test_a_network_has_the_figures_of_its_row(row: list[str]) -> None:
    name = row[0].strip("`")
    given, result = (tuple(map(int, side.split("x"))) for side in row[2].split(" → "))
    assert len(given) == 3
    classes = result[0] if len(result) == 1 else None
    model = convboard.build_model(name, input_shape=given, num_classes=classes)
    assert f"{parameters(model):,}" == row[3]
    outputs = list(convboard.layer_table(model, given))
    assert tuple(outputs[-1].output_shape)[-len(result) :] == result


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("group", ["model", "dataset", "optimizer", "scheduler", "loss", "board"])
def test_the_options_of_a_group_are_all_there_are(group: str) -> None:
    listed = next(row[1] for row in rows("Parts of a run") if row[0] == f"`{group}`")
    assert sorted(re.findall(r"`(\w+)`", listed)) == sorted(
        file.stem for file in (ROOT / "conf" / group).glob("*.yaml")
    )


def test_there_is_a_preset_for_each_network() -> None:
    presets = {file.stem for file in (ROOT / "conf/experiment").glob("*.yaml")}
    networks = {row[0].strip("`") for row in rows("Networks")} - {"whitened_cnn"}  # it has two, by what they reach
    assert presets == networks | {"mnist_99", "cifar10_cpu", "cifar10_94"}


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_file_it_names_is_there(page: str) -> None:
    folders = ROOT, ROOT / "src/convboard"
    named = re.findall(r"\]\(([\w/.]+)\)|`([\w.]+/[\w/]+\.\w+)`", (ROOT / page).read_text())
    assert named
    for link, path in named:
        if "mynet" not in path:
            assert any((folder / (link or path)).is_file() for folder in folders), link or path
