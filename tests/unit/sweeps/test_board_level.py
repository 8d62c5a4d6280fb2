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
