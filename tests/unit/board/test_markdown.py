from typing import Any

import pytest
import yaml

from convboard.board.markdown import config_text, table


@pytest.mark.parametrize(
    "config",
    [
        {"model": {"_target_": "convboard.models.LeNet", "layers": [{"conv": 3}, 2]}, "seed": 0},
        {"path": None, "empty": {}, "list": [], "deep": {"deeper": {"on": True, "lr": 1e-3, "eps": 1e-8}}},
        {"words": ["yes", "null", "nan", "1e3", "a: b", "# c", "ümlaut", "", "two words", "x/y_z.0"]},
        {"yes": "yes", "null": "null", "number": "12", "colon": "a: b", "empty": "", "path": "/tmp/x", "dots": "..."},
    ],
)
def test_the_config_is_yaml_that_reads_back_the_same(config: dict[str, Any]) -> None:
    first, *lines, last = config_text(config).splitlines()
    assert (first, last) == ("```yaml", "```")
    assert yaml.safe_load("\n".join(lines)) == config


def test_plain_words_have_no_quotes() -> None:
    assert "name: cross_entropy\n" in config_text({"loss": {"name": "cross_entropy"}})


def test_a_table_keeps_its_columns_whatever_is_in_a_cell() -> None:
    text = table({"a|b": "one\ntwo", "torch": "2.15"}, ("what", "value"))
    assert text.splitlines() == ["| what | value |", "| --- | --- |", "| a\\|b | one two |", "| torch | 2.15 |"]
