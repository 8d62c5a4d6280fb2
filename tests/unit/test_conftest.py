"""Tests that lack something skip and say how to get it, and fail in CI; commands leave nothing running."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
CONFTEST = Path(__file__).parents[1] / "conftest.py"
TESTS = """
import pytest

def test_of_the_data(data_dir):
    raise AssertionError("must not run")

@pytest.mark.data
def test_with_the_mark():
    raise AssertionError("must not run")

@pytest.mark.browser
def test_of_the_browser():
    raise AssertionError("must not run")

def test_of_nothing():
    pass
"""


LACKING = {"CONVBOARD_DATA": "nowhere", "PATH": "nowhere", "CI": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def summary(folder: Path, *arguments: str, **variables: str) -> tuple[list[str], str]:
    """Run TESTS without data or browser; gives the counts in pytest's last line, sorted, and all of its output."""
    shutil.copy(CONFTEST, folder)
    (folder / "test_it.py").write_text(TESTS)
    marks = "markers =\n    data: x\n    browser: x\n    slow: x\n    thorough: x\n"
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = {CONFTEST.parent}\n{marks}")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**os.environ, **LACKING, **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )
    counts = done.stdout.splitlines()[-1].strip("= ").rpartition(" in ")[0]
    return sorted(counts.split(", ")), done.stdout


def test_what_is_missing_skips_and_says_how_to_get_it(tmp_path: Path) -> None:
    counts, output = summary(tmp_path)
    assert counts == ["1 passed", "3 skipped"]
    assert "MNIST and CIFAR-10 are missing. Get the data with `uv run train.py dataset=mnist`" in output
    assert "Chromium is missing. Get it with `apt-get install chromium`." in output


def test_in_ci_what_is_missing_fails(tmp_path: Path) -> None:
    counts, output = summary(tmp_path, CI="true")
    assert counts == ["1 passed", "3 errors"]
    assert "Chromium is missing. Get it with `apt-get install chromium`. (In CI nothing may be skipped.)" in output


def test_in_ci_a_file_that_skips_as_a_whole_fails(tmp_path: Path) -> None:
    (tmp_path / "test_more.py").write_text("import pytest\npytest.importorskip('not_there')\n")
    counts, output = summary(tmp_path, "test_more.py", CI="true")
    assert counts == ["1 error"]
    assert "could not import 'not_there'" in output


def test_a_fixture_s_mark_selects_the_test(tmp_path: Path) -> None:
    counts, _ = summary(tmp_path, "-m", "data")
    assert counts == ["2 deselected", "2 skipped"]


@pytest.mark.parametrize(
    ("given", "ci", "counts"),
    [
        ([], "", ["2 deselected", "1 passed"]),
        ([], "true", ["1 deselected", "2 passed"]),
        pytest.param(["--slow"], "", ["3 passed"], marks=pytest.mark.thorough),
        pytest.param(["--slow"], "true", ["3 passed"], marks=pytest.mark.thorough),
    ],
)
def test_which_tests_run_only_when_asked_for(given: list[str], ci: str, counts: list[str], tmp_path: Path) -> None:
    (tmp_path / "test_marks.py").write_text(
        "import pytest\n\ndef test_quick(): pass\n\n@pytest.mark.slow\ndef test_slow(): pass\n\n"
        "@pytest.mark.thorough\ndef test_thorough(): pass\n"
    )
    assert sorted(summary(tmp_path, "test_marks.py", *given, CI=ci)[0]) == sorted(counts)


def test_a_command_leaves_nothing_running(run_command: RunCommand, tmp_path: Path) -> None:
    script = tmp_path / "leaves_a_child.py"
    script.write_text(
        "import subprocess, sys\n"
        "command = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "print(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid)\n"
    )
    child = int(run_command(script).stdout)
    for _ in range(200):
        if is_gone(child):
            return
        time.sleep(0.05)
    pytest.fail("the child still runs")


def is_gone(pid: int) -> bool:
    """Dead, or dead and not yet waited for."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def test_a_command_that_takes_too_long_is_ended(run_command: RunCommand, tmp_path: Path) -> None:
    script = tmp_path / "sleeps.py"
    script.write_text("import time; time.sleep(600)")
    with pytest.raises(subprocess.TimeoutExpired):
        run_command(script, timeout=0.5)


def test_a_command_s_output_is_shown_when_it_fails(run_command: RunCommand, tmp_path: Path) -> None:
    script = tmp_path / "fails.py"
    script.write_text("import sys; print('out'); sys.exit('err')")
    with pytest.raises(AssertionError, match=r"(?s)fails\.py.*out.*err"):
        run_command(script)
    assert run_command(script, expected_code=1).stderr == "err\n"


def test_the_network_is_out_of_reach(run_command: RunCommand, tmp_path: Path) -> None:
    script = tmp_path / "asks.py"
    script.write_text("import urllib.request; urllib.request.urlopen('http://example.com')")
    assert "Connection refused" in run_command(script, expected_code=1).stderr
