"""Real TensorBoards, for the tests of what they serve and of what they show."""

import contextlib
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

START_SECONDS = 60


@dataclass(frozen=True)
class TensorBoard:
    """A running server.

    Attributes:
        address: Such as `http://127.0.0.1:41234`, without a slash at the end.
        process: The server itself; it ends with the test.
    """

    address: str
    process: "subprocess.Popen[str]"

    def get(self, path: str, **query: str) -> Any:
        """What the server answers, JSON as Python objects, else bytes."""
        address = f"{self.address}/{path}" + (f"?{urlencode(query)}" if query else "")
        with urllib.request.urlopen(address, timeout=30) as response:
            content = response.read()
            is_json = response.headers.get_content_type() == "application/json"
        return json.loads(content) if is_json else content

    def post(self, path: str, body: Any) -> Any:
        """The JSON answer to a JSON question."""
        request = urllib.request.Request(
            f"{self.address}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.loads(response.read())

    def wait_until(self, is_there: Callable[["TensorBoard"], bool]) -> None:
        """Wait until the server has read enough of the run; it reads in the background."""
        give_up = time.monotonic() + START_SECONDS
        while not is_there(self):
            assert self.process.poll() is None, "tensorboard has ended"
            assert time.monotonic() < give_up, "tensorboard did not read the run in time"
            time.sleep(0.2)


StartTensorBoard = Callable[..., "contextlib.AbstractContextManager[TensorBoard]"]


@pytest.fixture(scope="session")
def start_tensorboard(tmp_path_factory: pytest.TempPathFactory) -> StartTensorBoard:
    """Start a server on loopback over a folder: `with start_tensorboard(logdir, load_fast=True) as server`."""

    @contextlib.contextmanager
    def start(logdir: Path, *, load_fast: bool = True) -> Iterator[TensorBoard]:
        output = tmp_path_factory.mktemp("tensorboard") / "output.txt"
        command = [
            *(sys.executable, "-m", "tensorboard.main", "--logdir", logdir.name, "--host", "127.0.0.1"),
            *("--port", "0", f"--load_fast={str(load_fast).lower()}", "--reload_interval", "1"),
        ]
        with (
            output.open("w") as file,
            subprocess.Popen(
                command, cwd=logdir.absolute().parent, stdout=file, stderr=subprocess.STDOUT, text=True
            ) as process,
        ):
            try:
                yield TensorBoard(_address(process, output), process)
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()

    return start


def _address(process: "subprocess.Popen[str]", output: Path) -> str:
    """Where the server says that it listens."""
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        if match := re.search(r"http://127\.0\.0\.1:\d+", output.read_text()):
            return match[0]
        assert process.poll() is None, output.read_text()
        time.sleep(0.1)
    raise AssertionError(f"tensorboard did not start: {output.read_text()}")
