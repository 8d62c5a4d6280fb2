import pytest

from convboard.config.objectives import OBJECTIVES, format_metric, is_maximised, sign_of


@pytest.mark.parametrize("metric", [*OBJECTIVES, "accuracy", "loss"])
def test_an_accuracy_is_better_when_it_is_larger_and_a_loss_when_it_is_smaller(metric: str) -> None:
    assert is_maximised(metric) == ("accuracy" in metric)
    assert sign_of(metric) == (1 if "accuracy" in metric else -1)


def test_values_are_for_people() -> None:
    assert format_metric("accuracy/test", 0.98765) == "98.77%"
    assert format_metric("loss/val", 0.123456) == "0.1235"
