"""The names of runs are those that TensorBoard gives them."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from convboard.plugins.sweeps.log_directories import as_given, log_directories, name_below


@pytest.mark.parametrize(
    ("logdir", "spec", "expected"),
    [
        ("outputs", "", {"outputs": ""}),
        ("out,puts:a", "", {"out,puts:a": ""}),
        ("", "a:first,b:/second:c,third,/d:fourth", {"first": "a", "/second:c": "b", "third": "", "/d:fourth": ""}),
        ("", "", {}),
    ],
)
def test_what_the_options_name(logdir: str, spec: str, expected: dict[str, str]) -> None:
    flags = SimpleNamespace(logdir=logdir, logdir_spec=spec)
    assert log_directories(flags) == {Path(path): name for path, name in expected.items()}


def test_a_run_is_named_after_its_log_directory_and_its_path_below() -> None:
    directories = {Path("first"): "a", Path("/second"): ""}
    runs = {"first/lenet/run": "a/lenet/run", "first": "a/.", "/second/..run": "..run", "/second": "."}
    assert {run: name_below(directories, Path(run)) for run in runs} == runs
    assert {run: name_below(directories, Path(run).absolute()) for run in runs} == runs
    assert [str(as_given(directories, Path(run).absolute())) for run in runs] == list(runs)
