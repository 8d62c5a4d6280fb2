"""A real TensorBoard and a real Chromium for the benchmarks of its tabs."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from convboard.errors import ConfigError

START_SECONDS = 60
VIEWPORT = {"width": 1280, "height": 800}

# Written by the page itself: times between its frames, in milliseconds, while the pointer moves.
WATCH = """() => {
  window.frameTimes = [];
  let last = performance.now();
  const tick = (now) => {
    window.frameTimes.push(now - last);
    last = now;
    window.watching = requestAnimationFrame(tick);
  };
  window.watching = requestAnimationFrame(tick);
}"""
STOP = "() => { cancelAnimationFrame(window.watching); return window.frameTimes.slice(1); }"


def find_chromium(part: str) -> str:
    """Return Chromium's executable.

    Raises:
        ConfigError: It is not installed.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise ConfigError(f"part={part} needs Chromium, which is not there: apt-get install chromium.")
    return chromium


@contextmanager
def tensorboard(logdir: Path, is_ready: Callable[[str], bool]) -> Iterator[str]:
    """A server on loopback; its address, once it is ready."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--host", "127.0.0.1", "--port", "0"]
    output = logdir.with_name("tensorboard.txt")
    with output.open("w") as file, subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT) as server:
        try:
            address = _wait(lambda: re.search(r"http://127\.0\.0\.1:\d+", output.read_text()))[0]
            _wait(lambda: is_ready(address))
            yield address
        finally:
            server.terminate()


def _wait(look: Any) -> Any:
    """What `look` gives, once it gives something."""
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        if found := look():
            return found
        time.sleep(0.1)
    raise ConfigError("TensorBoard did not start, or did not read the runs, in time.")


@contextmanager
def browser_of(chromium: str) -> Iterator[Any]:
    """A headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=chromium) as browser:
        yield browser
