import os

import pytest

from convboard.config.environment_variables import environment_variable


@pytest.mark.parametrize("before", ["old", None])
def test_a_variable_is_afterwards_as_it_was(before: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINE", raising=False)
    if before is not None:
        monkeypatch.setenv("MINE", before)
    with environment_variable("MINE", "new"):
        assert os.environ["MINE"] == "new"
    assert os.environ.get("MINE") == before
