"""The metrics that can be an objective: which of two values is better, and how a value is shown."""

OBJECTIVES = ("accuracy/val", "loss/val", "accuracy/test", "loss/test")


def is_maximised(metric: str) -> bool:
    """Return whether a larger value of a metric is better.

    Args:
        metric: An objective, or `accuracy` or `loss`.
    """
    return metric.startswith("accuracy")


def sign_of(metric: str) -> int:
    """Return 1 for a metric that is maximised, and -1 for one that is minimised; see `is_maximised`."""
    return 1 if is_maximised(metric) else -1


def test_metric(objective: str) -> str:
    """Return the metric on the test split that goes with an objective."""
    return f"{objective.partition('/')[0]}/test"


def format_metric(metric: str, value: float) -> str:
    """Return a value of a metric for people: an accuracy in percent, a loss with four digits; see `is_maximised`."""
    return f"{value:.2%}" if is_maximised(metric) else f"{value:.4f}"
