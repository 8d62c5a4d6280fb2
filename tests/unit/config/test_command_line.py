import pytest

from convboard.config.command_line import assignment, python, tensorboard


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


def test_a_path_with_a_space_is_quoted_for_the_shell_and_for_hydra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV", "")
    assert assignment("resume", "my runs/x") == """'resume="my runs/x"'"""
    assert assignment("resume", "runs/lr=0.1,seed=1") == "resume=runs/lr=0.1,seed=1"
    assert tensorboard("my runs") == "tensorboard --logdir 'my runs'"
