"""What all tests share: the data, the browser, real commands, and no network.

A test that needs the full MNIST and CIFAR-10 asks for `data_dir`, one that needs Chromium for `chromium`; both
skip where it is missing and say how to get it. With CI=true in the environment, a test that skips fails.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
IN_CI = os.environ.get("CI") == "true"
FIXTURE_OF_MARK = {"data": "data_dir", "browser": "chromium"}

# Small tensors gain nothing from a second thread, and lose a lot where tests share the cores with others. A test
# of speed or of a long run gives `run_command` the number it wants. It has to be set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# No test reaches the network: what is not on this machine is asked of a proxy that is not there.
for scheme in ("http", "https"):
    os.environ[f"{scheme}_proxy"] = os.environ[f"{scheme.upper()}_PROXY"] = "http://127.0.0.1:9"
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "localhost,127.0.0.1,::1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that uses `data_dir` or `chromium` has the mark `data` or `browser`, so that -m selects it."""
    for item in items:
        for mark, fixture in FIXTURE_OF_MARK.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(mark)


@pytest.fixture(autouse=True)
def _what_the_marks_ask_for(request: pytest.FixtureRequest) -> None:
    """A test with the mark `data` or `browser` skips without it, also where it does not use the fixture."""
    for mark, fixture in FIXTURE_OF_MARK.items():
        if request.node.get_closest_marker(mark):
            request.getfixturevalue(fixture)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI nothing is skipped: what a test lacks there is a failure."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _no_skip_in_ci(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a file that skips as a whole."""
    report = yield
    _no_skip_in_ci(report)
    return report


def _no_skip_in_ci(report: pytest.TestReport | pytest.CollectReport) -> None:
    if IN_CI and isinstance(report.longrepr, tuple) and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{report.longrepr[2]} (In CI nothing may be skipped.)"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the full MNIST and CIFAR-10, in torchvision's layout; $CONVBOARD_DATA, or data/."""
    folder = Path(os.environ.get("CONVBOARD_DATA", ROOT / "data"))
    for file in ("MNIST/raw/train-images-idx3-ubyte", "cifar-10-batches-py/data_batch_1"):
        if not (folder / file).is_file():
            pytest.skip(
                f"{folder / file} is missing. Get the data with `uv run train.py dataset=mnist` and "
                "`uv run train.py dataset=cifar10`, or set CONVBOARD_DATA to the folder that has it."
            )
    return folder.resolve()


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Chromium's executable, for playwright's `executable_path`."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.skip("Chromium is missing. Get it with `apt-get install chromium`.")
    return Path(executable)


RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_command(tmp_path: Path) -> RunCommand:
    """Run one of the repository's scripts as a user does, in `tmp_path`: `run_command("train.py", "seed=1")`.

    Outputs land in `tmp_path/outputs`. Nothing that the command starts outlives it.
    """

    def run(
        script: str,
        *arguments: object,
        environment: Mapping[str, str] | None = None,
        expected_code: int | None = 0,
        timeout: float = 120,
    ) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(ROOT / script), *map(str, arguments)]
        variables = {**os.environ, "NO_COLOR": "1", "COLUMNS": "120", **(environment or {})}
        with subprocess.Popen(
            command,
            cwd=tmp_path,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                stdout, stderr = process.communicate(timeout=timeout)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        if expected_code is not None:
            assert process.returncode == expected_code, f"{' '.join(command)}\n{stdout}\n{stderr}"
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)

    return run
