"""`sweep.trials=`: rows of a list, a CSV or a YAML file, and what is wrong with one, by its line."""

from pathlib import Path

import pytest

from convboard.errors import ConfigError
from convboard.sweeps.composed_trials import new_trials
from convboard.sweeps.grid import grid
from convboard.sweeps.trial_rows import read_rows


def rows(folder: Path, name: str, content: str | bytes) -> list[dict[str, str]]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [dict(row) for row in read_rows(str(path))]


def test_a_list_on_the_command_line() -> None:
    given = "[{optimizer.lr:0.1,batch_size:32}, {model:lenet,data_dir:'a b',+optimizer.dampening:null}]"
    assert read_rows(given) == [
        {"optimizer.lr": "0.1", "batch_size": "32"},
        {"model": "lenet", "data_dir": "'a b'", "+optimizer.dampening": "null"},
    ]
    assert read_rows(None) == [{}]


@pytest.mark.parametrize(
    "content",
    [
        'optimizer.lr,batch_size,model.layers,data_dir\n1e-3, 32,"[1,2]",a/ü\n\n0.2,64,null,"\'x,y\'"\n',
        '\ufeffoptimizer.lr;batch_size;model.layers;data_dir\r\n1e-3; 32;[1,2];a/ü\r\n0.2;64;null;"x,y"\r\n',
        "optimizer.lr\tbatch_size\tmodel.layers\tdata_dir\n1e-3\t32\t[1,2]\ta/ü\n0.2\t64\tnull\t'x,y'\n",
    ],
)
def test_cells_of_a_csv_file_are_read_as_hydra_reads_them(tmp_path: Path, content: str) -> None:
    first, second = rows(tmp_path, "a.csv", content)
    assert first == {"optimizer.lr": "0.001", "batch_size": "32", "model.layers": "[1,2]", "data_dir": "'a/ü'"}
    assert second == {"optimizer.lr": "0.2", "batch_size": "64", "model.layers": "null", "data_dir": "'x,y'"}


def test_values_of_a_yaml_file_keep_their_types(tmp_path: Path) -> None:
    content = """
- {optimizer.lr: 1e-3, trainer.deterministic: true}
- optimizer: {lr: 0.2, betas: [0.9, 0.99]}
  data_dir: it's, '5'
"""
    assert rows(tmp_path, "a.yaml", content) == [
        {"optimizer.lr": "0.001", "trainer.deterministic": "true"},
        {"optimizer.lr": "0.2", "optimizer.betas": "[0.9,0.99]", "data_dir": r"'it\'s, \'5\''"},
    ]
    assert rows(tmp_path, "a.json", '[{"batch_size": 8, "model": "lenet"}]') == [{"batch_size": "8", "model": "lenet"}]


def test_rows_are_combined_with_the_values_beside_them(tmp_path: Path) -> None:
    found = rows(tmp_path, "a.csv", "optimizer.lr,batch_size\n0.1,32\n0.2,64\n")
    assert [tuple(setting.swept.values()) for setting in grid(["seed=1,2"], found)] == [
        *(("1", "0.1", "32"), ("2", "0.1", "32"), ("1", "0.2", "64"), ("2", "0.2", "64"))
    ]
    first, second = new_trials(["model=lenet"], found)
    assert (first.folder, second.folder) == ("optimizer.lr=0.1,batch_size=32", "optimizer.lr=0.2,batch_size=64")
    assert (second.config["optimizer"]["lr"], second.config["batch_size"]) == (0.2, 64)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.csv",
            "optimizer.lr,batch_sizee\n0.1,3\n",
            ", line 1: batch_sizee is not a known key. Did you mean 'batch_",
        ),
        (
            "a.csv",
            "trainer.max_epoch\n1\n",
            ", line 1: trainer.max_epoch is not a known key. Did you mean 'trainer.max_",
        ),
        (
            "a.csv",
            "optimizer.lr,batch_size\n0.1,3\n\n0.1\n",
            ", line 4: 1 value for 2 columns. A value with a ',' in i",
        ),
        (
            "a.csv",
            "model.layers\n[1,2]\n",
            ", line 2: 2 values for 1 column. A value with a ',' in it needs double quot",
        ),
        (
            "a.csv",
            "optimizer.lr,batch_size\n0.1,\n",
            ", line 2: batch_size has no value. Write null, or '' for an empty",
        ),
        ("a.csv", 'batch_size\n"1,2"\n', ", line 2: batch_size=1,2 gives several values. A row has one of each key;"),
        ("a.csv", "model.layers\n[1\n", ", line 2: 'model.layers=[1' is not understood"),
        ("a.csv", "batch_size,batch_size\n1,2\n", ", line 1: the column batch_size is there twice."),
        ("a.csv", "batch_size,\n1,2\n", ", line 1: a column has no name. The first line has the keys, such as"),
        ("a.csv", "resume\nx\n", ", line 1: resume cannot differ between the trials of a sweep."),
        (
            "a.yaml",
            "- {batch_size: 1}\n- {hydra.run.dir: x}\n",
            ", line 2: hydra.run.dir cannot differ between the tri",
        ),
        (
            "a.yaml",
            "- batch_size: 1\n- 3\n",
            ", line 2: a row must be key: value pairs, such as {optimizer.lr: 0.1, ba",
        ),
        ("a.yaml", "batch_size: 1\n", " must be a list of rows, such as - {optimizer.lr: 0.1, batch_size: 32}."),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        rows(tmp_path, name, content)
    assert str(raised.value).startswith(f"{tmp_path / name}{message}")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", " has no row: the sweep has no trials."),
        ("a.csv", "batch_size\n", " has no row: the sweep has no trials."),
        ("a.yaml", "", " has no row: the sweep has no trials."),
        ("a.csv", b"\xff\xfe", " cannot be read: 'utf-8' codec can't decode byte"),
        ("a.csv", 'batch_size\n"1\n', " cannot be read: unexpected end of data."),
        ("a.yaml", "- batch_size: [1\n", " cannot be read: while parsing a flow sequence in line 1, column 15"),
        ("a.yaml", "- batch_size: 1\n  batch_size: 2\n", " cannot be read: found a duplicate key in line 1, column 3."),
        ("a.txt", "x", ": give a file whose name ends in .csv, .yaml or .json."),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        rows(tmp_path, name, content)
    assert str(raised.value).startswith(f"sweep.trials={tmp_path / name}{message}")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nothing.csv", "sweep.trials=nothing.csv: there is no such file. A list is written as [{optimizer.lr:0.1,"),
        (
            "{batch_size:1},{batch_size:2}",
            "sweep.trials={batch_size:1},{batch_size:2}: a list needs [ ]. Write it as [",
        ),
        ("[]", "sweep.trials=[] has no row: the sweep has no trials."),
        ("[1]", "sweep.trials, row 1: a row must be key: value pairs"),
        ("[{batch_size:1},{size:2}]", "sweep.trials, row 2: size is not a known key."),
        ("[{", "sweep.trials=[{ is not understood: write a list as [{optimizer.lr:0.1,"),
    ],
)
def test_a_list_that_cannot_be_read_is_told(given: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_rows(given)
    assert str(raised.value).startswith(message)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(ConfigError, match=r"a.csv cannot be read: (Is a directory|Not a regular file).$"):
        read_rows(str(tmp_path / "a.csv"))
