"""What all tests share: the data, the browser, real commands, and no network.

A test that needs the full MNIST and CIFAR-10 asks for `data_dir`, one that needs Chromium for `chromium`; both
skip where it is missing and say how to get it. With CI=true in the environment, a test that skips fails. A test with
the mark `slow` runs with --slow alone, and what has the mark `thorough` in CI too.

The tests run in as many processes as there are cores, a file at a time in each. What several tests need is made once
for all of these processes, by `make_once`.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from commands import ROOT, Command, CommandServer, MakeOnce, Process, data_folder

pytest_plugins = ["in_process", "tensorboard_server"]
IN_CI = os.environ.get("CI") == "true"
FIXTURE_OF_MARK = {"data": "data_dir", "browser": "chromium"}

# Small tensors gain nothing from a second thread, and lose a lot where tests share the cores with others. A test
# of speed or of a long run gives `run_command` the number it wants. It has to be set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Two threads that wait for each other by spinning take ten times as long where another test uses their core.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# Every machine computes the same: on its CPU. What needs a GPU is in tests/gpu, whose commands see it.
os.environ.setdefault("CONVBOARD_GPUS", os.environ.get("CUDA_VISIBLE_DEVICES", "0"))  # once: workers inherit it
os.environ["CUDA_VISIBLE_DEVICES"] = ""
# No test reaches the network: what is not on this machine is asked of a proxy that is not there.
for scheme in ("http", "https"):
    os.environ[f"{scheme}_proxy"] = os.environ[f"{scheme.upper()}_PROXY"] = "http://127.0.0.1:9"
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "localhost,127.0.0.1,::1"
# No test depends on how busy the machine is.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--slow` adds the tests with that mark; they are run before a release, or when what they prove has changed."""
    parser.addoption("--slow", action="store_true", help="run the slow tests too: full proofs and measurements")
    parser.addoption("--kills", type=int, default=8, help="number of times that a process of a sweep is killed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what uses `data_dir` or `chromium`, so that -m selects it, and leave out what is slow."""
    for item in items:
        for mark, fixture in FIXTURE_OF_MARK.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(mark)
    if not config.getoption("--slow"):
        left_out = ("slow",) if IN_CI else ("slow", "thorough")
        slow = [item for item in items if any(map(item.get_closest_marker, left_out))]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """None but this process for a single file, of which a second process would get nothing."""
    files = {argument.partition("::")[0] for argument in config.args}
    return 0 if len(files) == 1 and files.pop().endswith(".py") else None


class FileScheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist carries no types
    """A file at a time in each process; the tests of a folder that share a server, as if they were one file."""

    FOLDERS = ("tests/browser/http/", "tests/browser/layers/", "tests/browser/sweeps/")

    def _split_scope(self, nodeid: str) -> str:
        shared = next((folder for folder in self.FOLDERS if nodeid.startswith(folder)), None)
        return shared or str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FileScheduling | None:
    """`--dist loadfile`, the default."""
    return FileScheduling(config, log) if config.getvalue("dist") == "loadfile" else None


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


@pytest.fixture(scope="session", autouse=True)
def _cache_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the tests and their commands remember from run to run is none of the user's."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the full MNIST and CIFAR-10, in torchvision's layout; $CONVBOARD_DATA, or data/."""
    folder = data_folder()
    if folder is None:
        pytest.skip(
            "MNIST and CIFAR-10 are missing. Get the data with `uv run train.py dataset=mnist` and "
            "`uv run train.py dataset=cifar10`, or set CONVBOARD_DATA to the folder that has it."
        )
    return folder


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Chromium's executable, for playwright's `executable_path`."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.skip("Chromium is missing. Get it with `apt-get install chromium`.")
    return Path(executable)


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """Make a folder for all tests, in whichever process: `make_once("name", make)` gives it, filled by `make(folder)`.

    A test that changes it takes a copy.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def make_once(name: str, make: Callable[[Path], object]) -> Path:
        folder, made = shared / name, shared / f"{name}.made"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of an attempt that failed
                folder.mkdir()
                make(folder)
                made.touch()
        return folder

    return make_once


@pytest.fixture(scope="session")
def command_server() -> Iterator[CommandServer]:
    """Started with the first command."""
    server = CommandServer()
    yield server
    server.close()


StartCommand = Callable[..., Command]
RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
# Read when Python or torch starts, so that a process forked after that does not follow them.
READ_AT_START = ("PYTHON", "OMP_", "MKL_")


@pytest.fixture
def start_command(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[StartCommand]:
    """Start a script in `tmp_path`, and go on: `start_command("train.py", "seed=1")` gives a `Command`.

    The repository's own scripts are forked from a process that has imported torch, which takes seconds, unless
    `fresh` asks for `python train.py` itself. A `terminal`, the descriptor of a pty, takes the place of all streams.
    """
    with ExitStack() as stack:
        outputs = Path(stack.enter_context(tempfile.TemporaryDirectory()))

        def start(
            script: str | Path,
            *arguments: object,
            environment: Mapping[str, str] | None = None,
            fresh: bool = False,
            terminal: int | None = None,
        ) -> Command:
            command = [sys.executable, str(ROOT / script), *map(str, arguments)]
            more = environment or {}
            variables = {**os.environ, "NO_COLOR": "1", "COLUMNS": "120", "UV": "", **more}
            fresh = fresh or not (ROOT / script).is_relative_to(ROOT) or any(n.startswith(READ_AT_START) for n in more)
            name = tempfile.mktemp(dir=outputs)
            stdout, stderr = Path(f"{name}.out"), Path(f"{name}.err")
            with Path(os.devnull).open() as nothing, stdout.open("w") as out, stderr.open("w") as err:
                streams = [nothing.fileno(), out.fileno(), err.fileno()] if terminal is None else [terminal] * 3
                process: Process
                if fresh:
                    process = subprocess.Popen(
                        command,
                        cwd=tmp_path,
                        env=variables,
                        stdin=streams[0],
                        stdout=streams[1],
                        stderr=streams[2],
                        start_new_session=True,
                    )
                else:
                    server: CommandServer = request.getfixturevalue("command_server")
                    process = server.start(command, tmp_path, variables, streams)
            running = Command(command, process, stdout, stderr)
            stack.callback(running.end)
            return running

        yield start


@pytest.fixture
def run_command(start_command: StartCommand) -> RunCommand:
    """Run a script in `tmp_path` to its end: `run_command("train.py", "seed=1")`; see `start_command`.

    Outputs land in `tmp_path/outputs`.
    """

    def run(
        script: str | Path, *arguments: object, expected_code: int | None = 0, timeout: float = 120, **how: object
    ) -> "subprocess.CompletedProcess[str]":
        done = start_command(script, *arguments, **how).finish(timeout)
        if expected_code is not None:
            assert done.returncode == expected_code, f"{' '.join(done.args)}\n{done.stdout}\n{done.stderr}"
        return done

    return run
