"""What the user has trusted a run with is asked once for a folder, and asked again for other code."""

from pathlib import Path

import pytest

from convboard.config.schema import TrainConfig
from convboard.errors import RunError
from convboard.experiment.run_dir import refuse_foreign
from convboard.experiment.trusted_runs import remember, remembered


def config(target: str) -> TrainConfig:
    return TrainConfig.from_dict(
        {
            "model": {"_target_": target},
            "dataset": {"name": "digits"},
            "optimizer": {"_target_": "torch.optim.SGD"},
            "scheduler": {"_target_": "convboard.training.schedules.Constant"},
        }
    )


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("run", "other"):
        (tmp_path / name).mkdir()


@pytest.mark.parametrize("how", [{"trust": True}, {"trusted": {"mynet.Net"}}])
def test_it_is_asked_once(how: dict[str, bool], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(RunError):
        refuse_foreign(Path("run"), config("mynet.Net"))
    refuse_foreign(Path("run"), config("mynet.Net"), **how)  # type: ignore[arg-type]
    refuse_foreign(Path("run"), config("mynet.Net"))
    refuse_foreign(tmp_path / "run", config("mynet.Net"))
    for path, target in (("run", "mynet.Other"), ("other", "mynet.Net")):
        with pytest.raises(RunError):
            refuse_foreign(Path(path), config(target))
    monkeypatch.chdir("other")  # where another mynet.py may stand
    with pytest.raises(RunError):
        refuse_foreign(tmp_path / "run", config("mynet.Net"))


def test_no_file_is_written_for_convboard_s_own() -> None:
    refuse_foreign(Path("run"), config("convboard.models.LeNet"), trust=True)
    assert remembered(Path("run")) == frozenset()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"targets": ["mynet.Net"]}', "[" * 50_000, "\x00"])
def test_a_damaged_file_trusts_nothing(content: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    remember(Path("run"), ["mynet.Net"])
    (file,) = (tmp_path / "cache").rglob("*.json")
    file.write_text(content)
    assert remembered(Path("run")) == frozenset()


def test_without_a_folder_for_it_the_user_is_asked_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    remember(Path("run"), ["mynet.Net"])
    assert remembered(Path("run")) == frozenset()
