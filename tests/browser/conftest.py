"""A real TensorBoard over a real run, for the tests of what it serves and of what it shows."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, sync_playwright

from commands import ROOT, Command, CommandServer, MakeOnce
from tensorboard_server import START_SECONDS, TensorBoard

Train = Callable[..., None]


@pytest.fixture(scope="session")
def train(command_server: CommandServer) -> Train:
    """Train by the command: `train(logdir, "digits/lenet", "trainer.max_epochs=2")` makes that run in the folder."""

    def train(logdir: Path, run: str, *arguments: str) -> None:
        command = [sys.executable, str(ROOT / "train.py"), *arguments, f"hydra.run.dir={logdir}/{run}"]
        with tempfile.NamedTemporaryFile() as said, Path(os.devnull).open() as nothing:
            streams = [nothing.fileno(), said.fileno(), said.fileno()]
            process = command_server.start(command, logdir, os.environ, streams)
            done = Command(command, process, Path(said.name), Path(said.name)).finish()
            assert done.returncode == 0, done.stdout

    return train


@pytest.fixture(scope="session")
def finished_run(make_once: MakeOnce, train: Train) -> Path:
    """A log directory with one run, digits/lenet: two epochs on the digits, with the full board."""
    return make_once("outputs", lambda logdir: train(logdir, "digits/lenet", "board=full", "trainer.max_epochs=2"))


@dataclass(frozen=True)
class Window:
    """A browser window on a server, what went wrong in it, and how to leave it before the server ends."""

    page: Page
    server: TensorBoard
    errors: list[str]
    leave: Callable[[], None]

    def open(self, tab: str, shows: str) -> Page:
        """Open a tab and wait until it, or a frame of it, shows a text.

        Between two tabs the page is left: TensorBoard does not always follow a change of the address alone.
        """
        self.page.goto("about:blank")
        self.page.goto(f"{self.server.address}/#{tab}")
        give_up = time.monotonic() + START_SECONDS
        while not any(frame.get_by_text(shows, exact=True).count() for frame in self.page.frames):
            assert time.monotonic() < give_up, f"{tab} does not show {shows!r}"
            self.page.wait_for_timeout(100)
        return self.page

    def open_graph(self) -> Page:
        """Open the graph of a LeNet down to its layers."""
        page = self.open("graphs", "LeNet")
        page.locator('g.node[data-name="LeNet"] rect').first.dblclick()
        page.locator('g.node[data-name="LeNet/Conv2d[conv1]"]').wait_for(state="attached")
        return page


@pytest.fixture(scope="session")
def context(chromium: Path) -> Iterator[BrowserContext]:
    """One browser for all tests, which keeps what it has loaded, as one's own does."""
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=chromium) as browser:
        yield browser.new_context()


@pytest.fixture
def open_window(context: BrowserContext) -> Iterator[Callable[..., Window]]:
    """Open a window on a server; when the test is over, nothing must have gone wrong in it.

    It is a page of the test before, if there is one: a new one costs as much as what most tests do in it.
    """
    opened: list[Window] = []
    with ExitStack() as stack:

        def open_window(server: TensorBoard, width: int = 1280, height: int = 800) -> Window:
            page = context.pages[len(opened)] if len(opened) < len(context.pages) else context.new_page()
            page.bring_to_front()  # one behind another is drawn once a second
            page.set_viewport_size({"width": width, "height": height})
            errors: list[str] = []
            listeners: dict[Any, Callable[..., None]] = {
                "pageerror": lambda error: errors.append(str(error)),
                "console": lambda line: errors.extend(_errors(line)),
                "requestfailed": lambda request: errors.append(f"{request.url}: {request.failure}"),
                "request": lambda request: errors.extend(_elsewhere(request.url, server)),
            }
            for event, listener in listeners.items():
                page.on(event, listener)
            opened.append(Window(page, server, errors, partial(_leave, page, listeners)))
            stack.callback(opened[-1].leave)
            return opened[-1]

        yield open_window
    assert [window.errors for window in opened] == [[]] * len(opened)


def _leave(page: Page, listeners: dict[Any, Callable[..., None]]) -> None:
    """Make a page as good as new. Doing so twice does no harm."""
    page.evaluate("try { localStorage.clear(); sessionStorage.clear(); } catch {}")  # all errors are known after it
    while listeners:
        page.remove_listener(*listeners.popitem())
    page.unroute_all()
    page.mouse.move(0, 0)
    page.goto("about:blank")


def _errors(line: ConsoleMessage) -> list[str]:
    """What the console calls an error; that a page has no icon is none."""
    is_one = line.type == "error" and not line.location["url"].endswith("/favicon.ico")
    return [line.text] if is_one else []


def _elsewhere(address: str, server: TensorBoard) -> list[str]:
    """A complaint about a request that would leave this machine."""
    is_here = address.startswith((server.address, "data:", "blob:", "about:"))
    return [] if is_here else [f"a request to {address}"]
