from convboard.board.markdown import config_table, table


def test_a_table_keeps_its_columns_whatever_is_in_a_cell() -> None:
    text = table({"a|b": "one\ntwo", "torch": "2.15"}, ("what", "value"))
    assert text.splitlines() == ["| what | value |", "| --- | --- |", "| a\\|b | one two |", "| torch | 2.15 |"]


def test_a_config_is_written_as_it_is_typed() -> None:
    text = config_table({"model._target_": "convboard.models.LeNet", "optimizer.nesterov": True, "seed": 0})
    assert text.splitlines()[2:] == [
        "| `model._target_` | `convboard.models.LeNet` |",
        "| `optimizer.nesterov` | `true` |",
        "| `seed` | `0` |",
    ]
