"""Values and keys as short texts."""

import pytest

from convboard.results.plots.labels import wrapped_key


@pytest.mark.parametrize(
    ("key", "room", "wrapped"),
    [
        ("optimizer.lr", 20, "optimizer.lr"),
        ("optimizer.weight_decay", 18, "optimizer.weight_\ndecay"),
        ("dataset.horizontal_flip", 18, "dataset.\nhorizontal_flip"),
        ("a.b", 1, "a\n.\nb"),
        ("x" * 25, 10, "x" * 10 + "\n" + "x" * 10 + "\n" + "x" * 5),
        ("", 5, ""),
    ],
)
def test_a_long_key_is_broken_where_its_words_end(key: str, room: int, wrapped: str) -> None:
    assert wrapped_key(key, room) == wrapped
