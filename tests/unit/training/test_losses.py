import torch

from convboard.training.losses import build_loss


def test_mse_is_against_one_hot_labels_and_averages_over_samples_and_classes() -> None:
    logits = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    assert build_loss("mse")(logits, torch.tensor([0, 1])).item() == (0 + 0 + 0 + 4) / 4


def test_cross_entropy_of_equal_logits_is_log_of_the_classes() -> None:
    loss = build_loss("cross_entropy")(torch.zeros(5, 10), torch.zeros(5, dtype=torch.int64))
    torch.testing.assert_close(loss, torch.tensor(10.0).log())


def test_label_smoothing_is_passed_on() -> None:
    logits, labels = torch.tensor([[9.0, 0.0]]), torch.tensor([0])
    assert build_loss("cross_entropy", 0.1)(logits, labels) > build_loss("cross_entropy")(logits, labels)
