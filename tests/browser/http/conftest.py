"""A TensorBoard over a real run, in both of its readers, for the tests of what it serves; no browser is needed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

RUN = "digits/lenet"


@pytest.fixture(scope="session", params=[True, False], ids=["load_fast", "slow_reader"])
def server(request: pytest.FixtureRequest, finished_run: Path, start_tensorboard: Any) -> Iterator[Any]:
    """A server that has read the whole run."""
    with start_tensorboard(finished_run, load_fast=request.param) as server:
        server.wait_until(lambda server: "accuracy/test" in server.get("data/plugin/scalars/tags").get(RUN, {}))
        yield server
