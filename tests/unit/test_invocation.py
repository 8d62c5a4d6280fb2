import pytest

from convboard.invocation import python, tensorboard


@pytest.mark.parametrize(
    ("uv", "script", "look"),
    [
        ("", "python", "tensorboard --logdir outputs"),
        ("/usr/bin/uv", "uv run", "uv run tensorboard --logdir outputs"),
    ],
)
def test_advice_is_written_as_the_command_was_begun(
    uv: str, script: str, look: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV", uv)
    assert (python(), tensorboard("outputs")) == (script, look)
