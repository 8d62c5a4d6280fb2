"""What README and the guide say is true: commands run, keys and files are there, figures are those of the code."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2

import pytest
from PIL import Image
from torch import nn

import convboard
from commands import ROOT, MakeOnce
from convboard.anatomy.table import format_table
from convboard.cli import evaluate, feature_maps, frame, layers, runs
from convboard.cli.main import COMMANDS
from convboard.config.compose import compose_config
from convboard.config.schema import GROUPS, OPEN_GROUPS, TrainConfig
from convboard.sweeps.backends.settings import RemoteSettings
from convboard.sweeps.command_options import read_options
from convboard.sweeps.sweep_options import SweepOptions
from convboard.training.signals import EXIT_BY_SIGNAL
from pages import (
    PAGES,
    ShownCommand,
    all_commands,
    anchors,
    blocks,
    code_spans,
    commands,
    prose,
    rows,
    scripts,
    text_of,
)

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
QUICK = ["trainer.max_epochs=1", *(f"trainer.limit_{split}_batches=1" for split in ("train", "val", "test"))]
OWN = "docs/own_data_and_models.md"
EXAMPLES = {"key=value", "group=option", "group.key=value", "model._target_=mypackage.MyNet", "model=mynet"}
PROGRAMS = {"train.py", "scripts/evaluate.py", "scripts/feature_maps.py", "scripts/layers.py", "scripts/benchmark.py"}
PROGRAMS |= {
    "scripts/runs.py",
    "convboard",
    "tensorboard",
    "torchrun",
    "pytest",
    "scripts/test",
    "ruff",
    "oxfmt",
    "oxlint",
}


@pytest.fixture
def folder(tmp_path: Path, finished: Path) -> Path:
    """A folder with all that the pages take for granted: pictures, a network and options of one's own, a run."""
    shutil.copytree(finished, tmp_path / "outputs/digits/lenet/RUN")
    finished.rename(tmp_path / "RUN")
    for label, grey in (("dark", 40), ("light", 200)):
        (tmp_path / "pictures" / label).mkdir(parents=True)
        for at in range(70):
            Image.new("L", (40, 40), grey + at % 30).save(tmp_path / "pictures" / label / f"{at}.png")
    for name in ("cat.jpg", "three.jpg"):
        Image.new("RGB", (60, 40), "white").save(tmp_path / name)
    for block in blocks(OWN):
        if block.language == "yaml" or "class MyNet" in block.text:
            (tmp_path / block.file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / block.file).write_text(block.text)
    (csv,) = (block.text for block in blocks("docs/sweeps.md") if block.text.startswith("optimizer.lr,"))
    (tmp_path / "runs.csv").write_text(csv)
    return tmp_path


def needs_data(command: ShownCommand) -> bool:
    return any(re.search(r"mnist|cifar10|resnet18", argument) for argument in command.arguments)


def is_whole(command: ShownCommand) -> bool:
    """Whether it is more than a beginning, to be completed by Tab."""
    return "-sc" not in command.arguments and all(re.match(r"-|job$|.*=.", given) for given in command.arguments)


TRAINS = [command for command in all_commands("train.py") if is_whole(command)]
GO_ON = ("resume=", "sweep.resume=", "sweep.join=", "sweep.watch=", "sweep.cancel=")
SHARED = "=/shared/sweeps/first"  # the folder of a sweep on several machines
# What starts workers on another engine is run in tests/clusters.
ELSEWHERE = [command for command in TRAINS if any(given.startswith("sweep/backend=") for given in command.arguments)]
TRAINS = [one for one in TRAINS if one not in ELSEWHERE and not any(SHARED in given for given in one.arguments)]
RESUMES = [command for command in TRAINS if any(given.startswith(GO_ON) for given in command.arguments)]
PRINTS = [command for command in TRAINS if {"--help", "--hydra-help", "--cfg"} & {*command.arguments}]
NEW = [command for command in TRAINS if command not in RESUMES and command not in PRINTS]
SWEEPS = [command for command in NEW if "-m" in command.arguments and not needs_data(command)]


def test_every_command_is_one_that_a_test_below_runs_or_checks() -> None:
    assert {command.program for page in PAGES for command in commands(page)} == PROGRAMS
    assert len(NEW) >= 15


@pytest.mark.parametrize("command", [new for new in NEW if not needs_data(new) and new not in SWEEPS], ids=str)
def test_a_training_command_runs(command: ShownCommand, run_in_process: RunCommand, folder: Path) -> None:
    done = run_in_process("train.py", *command.arguments, *QUICK, "board=minimal")
    assert done.stdout.endswith("look at it: tensorboard --logdir outputs\n")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(sweep, marks=() if sweep.page == "README.md" else pytest.mark.thorough, id=str(sweep))
        for sweep in SWEEPS
    ],
)
def test_a_sweep_runs(command: ShownCommand, run_in_process: RunCommand, folder: Path) -> None:
    """With at most two values for each key; the README's own is run as a whole in tests/browser/test_screenshots.py."""
    short = [re.sub(r"^([\w.]+=[\w.]+,[\w.]+),[\w.,]+$", r"\1", argument) for argument in command.arguments]
    short = [re.sub(r"^(sweep\.max_trials)=\d+$", r"\1=2", argument) for argument in short]
    done = run_in_process("train.py", *short, *QUICK, "board=minimal")
    if "--dry-run" in short:
        assert not (folder / "outputs/sweeps").exists()
    else:
        assert re.search(r"look at it: tensorboard --logdir outputs/sweeps/\S+\n\Z", done.stdout)


@pytest.mark.data
@pytest.mark.parametrize("command", [new for new in NEW if needs_data(new) and new.page == "README.md"], ids=str)
def test_a_training_command_on_full_data_runs(
    command: ShownCommand, run_in_process: RunCommand, tmp_path: Path, data_dir: Path
) -> None:
    overridden = {argument.split("=")[0] for argument in command.arguments}
    quick = [argument for argument in QUICK if argument.split("=")[0] not in overridden]
    run_in_process("train.py", *command.arguments, *quick, "board=minimal", f"data_dir={data_dir}")
    assert list(tmp_path.glob("outputs/**/result.json"))


@pytest.mark.parametrize("command", [command for command in NEW if needs_data(command)], ids=str)
def test_a_training_command_on_full_data_has_a_config(command: ShownCommand) -> None:
    """Of a sweep each value by itself."""
    given = [argument for argument in command.arguments if not argument.startswith("-") and "..." not in argument]
    choices = [
        [f"{key}={one}" for one in value.split(",")] for key, _, value in (part.partition("=") for part in given)
    ]
    for at in range(max(map(len, choices))):
        compose_config([values[min(at, len(values) - 1)] for values in choices])


@pytest.mark.parametrize("command", PRINTS, ids=str)
def test_a_command_that_prints_only(command: ShownCommand, run_command: RunCommand, tmp_path: Path) -> None:
    done = run_command("train.py", *command.arguments)  # Hydra ends the process
    assert "optimizer" in done.stdout or "Overrides" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", RESUMES, ids=str)
def test_a_run_is_resumed(
    command: ShownCommand, run_in_process: RunCommand, folder: Path, request: pytest.FixtureRequest
) -> None:
    if "model._target_=mynet.MyNet" in command.arguments:
        own = ("model._target_=mynet.MyNet", "hydra.run.dir=outputs/digits/mynet/RUN")
        run_in_process("train.py", *own, *QUICK, "board=minimal")
    if "-m" in command.arguments:
        request.getfixturevalue("sweep")
        if any(argument.startswith("sweep.promote=") for argument in command.arguments):
            done = run_in_process("train.py", *command.arguments, expected_code=2)
            assert "there is no trial 7 (they are 0 to 3)" in done.stderr  # one that was: test_sweep_pruning.py
        else:
            done = run_in_process("train.py", *command.arguments)
            assert re.search("4 trials, 0 to run|watching: .*, 4 trials|left: +0 trials to run", done.stdout)
        return
    done = run_in_process("train.py", *(argument.replace("epochs=20", "epochs=2") for argument in command.arguments))
    assert "resumed after 1 epoch, " in done.stdout


@pytest.mark.parametrize("command", [one for one in ELSEWHERE if "--help" not in one.arguments], ids=str)
def test_the_keys_of_a_backend_are_there(command: ShownCommand) -> None:
    options, others = read_options([given for given in command.arguments if given != "-m"])
    assert isinstance(options.backend, RemoteSettings)
    assert not [given for given in others if given.startswith("sweep")]


@pytest.mark.parametrize(
    "command",
    [given for name in ("layers", "evaluate") for given in all_commands(f"scripts/{name}.py") if given.arguments],
    ids=str,
)
def test_a_network_is_shown_and_evaluated(command: ShownCommand, run_in_process: RunCommand, folder: Path) -> None:
    done = run_in_process(command.program, *command.arguments)
    assert re.search("conv|The metrics equal those in result.json, to the last bit", done.stdout)


@pytest.mark.parametrize(
    "command", [given for given in all_commands("scripts/feature_maps.py") if given.arguments], ids=str
)
def test_a_picture_is_examined(command: ShownCommand, run_in_process: RunCommand, folder: Path) -> None:
    done = run_in_process(command.program, *command.arguments)
    drawn = re.findall(r"^drawn: (.*)$", done.stdout, re.MULTILINE)
    assert [(folder / path).is_file() for path in drawn] == [True]
    assert ("tensorboard --logdir" in done.stdout) == ("log=true" in command.arguments)


@pytest.fixture
def sweep(run_command: RunCommand, make_once: MakeOnce, folder: Path) -> Path:
    """A sweep of two learning rates and two seeds, as `outputs/sweeps/SWEEP` in the folder of the pages."""
    swept = ("-m", "optimizer.lr=0.1,0.01", "seed=1,2", *QUICK, "board=minimal")
    made = make_once("swept", lambda made: run_command("train.py", *swept, f"hydra.sweep.dir={made}"))
    return shutil.copytree(made, folder / "outputs/sweeps/SWEEP")


@pytest.mark.parametrize("command", [given for given in all_commands("scripts/runs.py") if given.arguments], ids=str)
def test_a_command_on_runs_runs(command: ShownCommand, run_in_process: RunCommand, sweep: Path) -> None:
    assert run_in_process(command.program, *command.arguments).stdout


def test_torchrun_has_the_options_that_are_given_to_it() -> None:
    """That it trains with them is seen in test_torchrun.py."""
    from torch.distributed.run import get_args_parser

    page = "docs/several_processes.md"
    (script,) = scripts(page)
    (line,) = re.findall(r"srun torchrun (.*?)$", script.replace("\\\n", ""), re.MULTILINE)
    in_script = tuple(line.replace('"$SLURM_NNODES"', "2").replace('"', "").split())
    shown = [command.arguments for command in all_commands("torchrun") if command.arguments[0] != "..."]
    for arguments in [*shown, in_script]:
        parsed = get_args_parser().parse_args(arguments)
        given = parsed.training_script_args
        if parsed.module:
            assert (parsed.training_script, given.pop(0)) == ("convboard", "train")
        else:
            assert parsed.training_script == "train.py"
        compose_config([argument for argument in given if "mynet" not in argument])
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_the_other_programs_have_what_is_given_to_them() -> None:
    assert {command.arguments for command in all_commands("tensorboard")} == {("--logdir", "outputs")}
    for command in (*all_commands("pytest"), *all_commands("scripts/test")):
        files = [argument for argument in command.arguments if "/" in argument]
        assert all((ROOT / file).exists() for file in files)
        if "-k" in command.arguments:
            word = command.arguments[command.arguments.index("-k") + 1]
            (place,) = (ROOT / file for file in files)
            tests = [place] if place.is_file() else list(place.rglob("*.py"))
            assert any(word in test.read_text() or word in test.name for test in tests)
    benchmark = (ROOT / "scripts/benchmark.py").read_text()
    for command in all_commands("scripts/benchmark.py"):
        for key, _, value in (argument.partition("=") for argument in command.arguments):
            assert f"    {key}: " in benchmark
            assert value == "true" or f'"{value}"' in benchmark


def test_the_test_command_is_the_one_that_ci_runs() -> None:
    assert "pip install uv && uv run pytest" in text_of("README.md")
    assert 'uv run pytest "$@"' in (ROOT / "scripts/test").read_text()
    assert "scripts/test" in (ROOT / ".ci/run").read_text()


TRANSCRIPTS = [block.text for page in PAGES for block in blocks(page) if block.text.startswith("$ python ")]


@pytest.mark.parametrize("shown", TRANSCRIPTS, ids=lambda shown: shown.partition("\n")[0])
def test_a_command_prints_what_is_shown(shown: str, run_in_process: RunCommand, request: pytest.FixtureRequest) -> None:
    command, _, output = shown.removeprefix("$ python ").partition("\n")
    program, *arguments = command.split()
    if "dataset=cifar10" in arguments:  # what is measured differs from time to time
        data_dir = request.getfixturevalue("data_dir")
        done = run_in_process(program, *arguments, *QUICK, "board=minimal", f"data_dir={data_dir}")
        first, labels = output.splitlines()[:3], [line.split(":")[0] for line in output.splitlines()]
        told = done.stdout[done.stdout.index("network:") :]  # after what is said where the images are not decoded yet
        assert told.splitlines()[:3] == first
        assert [line.split(":")[0] for line in told.splitlines()[: len(labels)]] == labels
    elif program == "scripts/layers.py":  # in a terminal of 80 columns
        table = convboard.layer_table(convboard.build_model("batchnorm_cnn", (1, 28, 28), 10), (1, 28, 28))
        assert arguments == ["model=batchnorm_cnn", "input_shape=[1,28,28]"]
        assert output == format_table(table, "text", 80, "batchnorm_cnn for 1x28x28 images (as given)") + "\n"
    else:
        done = run_in_process(program, *arguments, expected_code=None)
        assert done.stdout + done.stderr == output


@pytest.mark.parametrize("program", ["python train.py", "convboard"])
def test_completion_as_the_guide_shows_it(program: str, tmp_path: Path) -> None:
    """By the programs themselves; what they answer is tested in tests/unit/cli/test_completion.py."""
    started = [sys.executable, ROOT / "train.py"] if " " in program else [Path(sys.executable).with_name("convboard")]
    (command,) = (
        given for page in PAGES for given in commands(page) if given.program in program and "-sc" in given.arguments
    )

    def ask(*arguments: str, line: str = "") -> str:
        variables = {**os.environ, "COMP_LINE": line}
        return subprocess.run([*started, *arguments], env=variables, capture_output=True, text=True, check=True).stdout

    assert ask(*command.arguments).endswith(f"hydra_bash_completion {program.split()[0]}\n")
    typed = f"{program if ' ' in program else 'convboard train'} trainer.dev"
    assert ask("-sc", "query=bash", line=typed) == "trainer.device=\n"


@pytest.mark.parametrize("page", [page for page in PAGES if any(block.language == "python" for block in blocks(page))])
def test_python_blocks_print_what_they_say(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after another, as they stand: in comments, or in a block of text below."""
    monkeypatch.chdir(tmp_path)
    for block, after in zip(blocks(page), [*blocks(page)[1:], None]):
        if block.language != "python":
            continue
        quick = block.text.replace("max_epochs=1, ", "max_epochs=1, limit_train_batches=1, board='minimal', ")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(quick, page, "exec"), {"__name__": page})
        wanted = re.findall(r"^# (.+)$", block.text, re.MULTILINE)
        if after is not None and after.language == "text" and not after.before.strip():
            wanted = after.text.splitlines()
        lines = printed.getvalue().splitlines()
        assert lines[len(lines) - len(wanted) :] == wanted


@pytest.mark.parametrize("page", PAGES)
def test_every_key_is_there(page: str) -> None:
    """Keys of the config, with their values, and keys of the other commands."""
    modules = [evaluate, feature_maps, layers, *map(runs.command_module, runs.COMMANDS)]
    own = {"repeat", "sweep", *(field.name for module in modules for field in fields(module.Arguments))}
    schemas = {field.name: field.type for field in fields(TrainConfig) if field.name in GROUPS} | {
        "sweep": SweepOptions
    }
    for span in code_spans(page):
        found = re.fullmatch(r"([a-z]\w*)(?:\.(\w+))?(?:=([^\s<,]+))?", span)
        if found is None or span in EXAMPLES or span.endswith((".json", ".yaml")):
            continue
        group, key, value = found.groups()
        if group in OPEN_GROUPS and key:
            assert key == "_target_" or any(
                f"\n{key}:" in file.read_text() for file in (ROOT / "conf" / group).glob("*.yaml")
            ), span
        elif group in schemas and key:
            assert key in schemas[group].__dataclass_fields__, span  # type: ignore[union-attr]
        if value and group in {*GROUPS, *TrainConfig.__dataclass_fields__, "experiment"} - {"resume"}:
            compose_config([span, "dataset.path=pictures"] if value == "image_folder" else [span])
        elif value:
            assert group in own or page == "CONTRIBUTING.md", span


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_link_is_there(page: str) -> None:
    made = {block.file for block in blocks(OWN) if block.language == "yaml" or "class MyNet" in block.text}
    here = (ROOT / page).parent
    for link in re.findall(r"\]\(([^)]+)\)", prose(page)):
        if link.startswith("https://"):
            continue  # a source; tests need no network
        file, _, anchor = link.partition("#")
        target = (here / file).resolve() if file else ROOT / page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(str(target.relative_to(ROOT))), link
    for path in code_spans(page):
        if re.fullmatch(r"[\w.]+(?:/[\w.]+)*/?", path) and re.search(
            r"^(src|conf|tests|scripts|docs)/|/\w+\.\w+$", path
        ):
            is_there = any((root / path).exists() for root in (ROOT, ROOT / "src/convboard"))
            assert is_there or path in made or path.startswith(("outputs/", "checkpoints/")), path


@pytest.mark.parametrize(
    "row", [row for row in rows("README.md", "Networks") if row[2] != "any"], ids=lambda row: row[0]
)
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


@pytest.mark.parametrize("group", ["model", "dataset", "optimizer", "scheduler", "loss", "trainer", "board"])
def test_the_options_of_a_group_are_all_there_are(group: str) -> None:
    listed = next(row[1] for row in rows("docs/training.md", "The parts of a run") if row[0] == f"`{group}`")
    assert sorted(re.findall(r"`(\w+)`", listed)) == sorted(
        file.stem for file in (ROOT / "conf" / group).glob("*.yaml")
    )


def test_there_is_a_preset_for_each_network() -> None:
    (listed,) = (row[1] for row in rows("docs/training.md", "The parts of a run") if row[0] == "`experiment`")
    presets = {file.stem for file in (ROOT / "conf/experiment").glob("*.yaml")}
    networks = {row[0].strip("`") for row in rows("README.md", "Networks")} - {"whitened_cnn"}  # by what they reach
    assert presets == networks | {*re.findall(r"`(\w+)`", listed)}


def test_each_command_is_shown_in_both_forms() -> None:
    wanted = {f"scripts/{name.replace('-', '_')}.py": name for name in COMMANDS} | {"train.py": "train"}
    del wanted["scripts/train.py"]
    shown = {row[0].strip("`").removeprefix("python "): row[1].strip("`") for row in rows("README.md", "Commands")}
    assert shown == {script: f"convboard {name}" for script, name in wanted.items()}


def test_the_files_of_a_run_are_those_of_the_table(finished: Path) -> None:
    shown = [name for row in rows("docs/training.md", "The run directory") for name in re.findall(r"`([^`]+)`", row[0])]
    found = {str(file.relative_to(finished)) for name in shown for file in finished.glob(name)}
    assert found == {str(path.relative_to(finished)) for path in finished.rglob("*") if path.is_file()}
    assert all(list(finished.glob(name)) for name in shown)


def test_the_exit_codes_are_those_of_the_table() -> None:
    shown = [int(code) for row in rows("docs/training.md", "How a command ends") for code in row[0].split(", ")]
    signals = [EXIT_BY_SIGNAL + number for number in (SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2)]
    assert shown == [frame.FINISHED, frame.BUG, frame.MISTAKE, *signals]


def test_the_keys_of_the_layers_tab_are_those_of_the_table() -> None:
    source = (ROOT / "src/convboard/plugins/layers/static/keys.js").read_text()
    known = re.findall(r'^  \["(.+?)", "', source, re.MULTILINE)
    assert [row[0] for row in rows("docs/looking_inside.md", "The Layers tab")] == known


def test_the_tags_are_those_of_the_table(finished: Path, run_in_process: RunCommand, tmp_path: Path) -> None:
    """Of a run of each level; the first one has `minimal`."""
    run_in_process("train.py", *QUICK, "board=full", "hydra.run.dir=full")
    minimal, full = tags_of(finished), tags_of(tmp_path / "full")
    for _, shown, level in rows("docs/looking_inside.md", "What TensorBoard shows"):
        for tag in re.findall(r"`([\w/<>]+)`", shown):
            name = (
                tag.replace("<layer>", "fc1" if tag.startswith("weight_matrix") else "conv1")
                .replace("<parameter>", "conv1/weight")
                .replace("<class>", "0")
            )
            name = name.replace("<metric>", "accuracy/val")
            is_written = name in full or name in ("problems/<part>", "embedding/val")  # the latter in a file of its own
            assert is_written, tag
            assert (name in minimal) == (level == "`minimal`") or not is_written or "<" in name, tag
    assert "embedding/val" in (tmp_path / "full/projector_config.pbtxt").read_text()


def tags_of(run: Path) -> set[str]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    reader = EventAccumulator(str(run))
    reader.Reload()
    return {tag for tags in reader.Tags().values() if isinstance(tags, list) for tag in tags}


def test_the_tree_of_the_readme_has_every_part() -> None:
    (tree,) = (block.text for block in blocks("README.md") if "\nsrc/convboard/ " in block.text)
    parts = {path.name for path in (ROOT / "src/convboard").iterdir() if (path / "__init__.py").is_file()}
    assert {*re.findall(r"^  (\w+)/", tree, re.MULTILINE)} == parts
    for folder, inner in re.findall(r"^  (\w+)/.*?((?: \w+/,?)*)$", tree, re.MULTILINE):
        inside = {path.parent.name for path in (ROOT / "src/convboard" / folder).glob("*/*") if path.suffix != ".pyc"}
        assert {*re.findall(r"\w+(?=/)", inner)} == inside, folder


def test_the_pages_are_short_enough_to_be_read() -> None:
    assert len(text_of("README.md").splitlines()) <= 200
    assert len(text_of("CONTRIBUTING.md").splitlines()) <= 90
    for page in PAGES:
        if page not in ("README.md", "CONTRIBUTING.md"):
            assert f"]({page})" in text_of("README.md")
