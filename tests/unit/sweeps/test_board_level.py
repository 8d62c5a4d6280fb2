from pathlib import Path

import pytest

from convboard.sweeps.board_level import MOST_WITH_PICTURES, with_board

MANY = ["model=lenet", "seed=range(0,51)"]


def test_only_many_trials_write_no_pictures() -> None:
    assert with_board(MANY, MOST_WITH_PICTURES) == (MANY, False)
    assert with_board(MANY, MOST_WITH_PICTURES + 1) == ([*MANY, "board=minimal"], True)


@pytest.mark.parametrize("given", ["board=default", "board=minimal", "board.scalar_every=5", "board=default,full"])
def test_a_board_that_is_chosen_stays(given: str) -> None:
    assert with_board([*MANY, given], 1000) == ([*MANY, given], False)
    key, _, value = given.partition("=")
    assert with_board(MANY, 1000, [{"batch_size": "8"}, {key: value}]) == (MANY, False)


@pytest.mark.parametrize("content", ["board: {level: full}", "defaults:\n- override /board: full"])
def test_a_board_that_a_preset_chooses_stays(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf/experiment").mkdir(parents=True)
    (tmp_path / "conf/experiment/own.yaml").write_text(content)
    (tmp_path / "conf/experiment/other.yaml").write_text("seed: 1")
    monkeypatch.chdir(tmp_path)
    assert with_board([*MANY, "experiment=own"], 1000)[1] is False
    assert with_board(MANY, 1000, [{"experiment": "own"}])[1] is False
    assert with_board([*MANY, "experiment=other"], 1000)[1] is True
