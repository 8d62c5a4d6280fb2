import pytest
import torch
from torch import Tensor, nn

from convboard.data.batches import Batches
from convboard.data.dataset import Split
from convboard.training.evaluation import evaluate
from convboard.training.execution_plan.plan import Plan

CPU = torch.device("cpu")


def make_batches(batch_size: int, images: int = 23) -> Batches:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (images, 1, 3, 3), generator=generator, dtype=torch.uint8)
    split = Split(pixels, torch.randint(0, 4, (images,), generator=generator))
    return Batches(split, mean=[0.5], std=[0.3], batch_size=batch_size, device=CPU)


def make_network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(9), nn.Dropout(), nn.Linear(9, 4))


@pytest.mark.parametrize("batch_size", [23, 10, 1])
def test_the_result_is_that_of_all_samples_at_once(batch_size: int) -> None:
    model, loss = make_network().eval(), nn.CrossEntropyLoss()
    (everything,) = make_batches(23).epoch()
    logits = model(everything.images)
    result = evaluate(model, make_batches(batch_size), loss, Plan(CPU))
    torch.testing.assert_close(result.logits, logits)
    assert torch.equal(result.labels, everything.labels)
    assert result.loss == pytest.approx(loss(logits, everything.labels).item())
    assert result.accuracy == (logits.argmax(1) == everything.labels).sum().item() / 23
    assert not result.logits.requires_grad


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_as_it_was(training: bool) -> None:
    model = make_network().train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    results = [evaluate(model, make_batches(10), nn.CrossEntropyLoss(), Plan(CPU)).loss for _ in range(2)]
    assert results[0] == results[1]  # no dropout
    assert model.training is training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_limit_takes_the_first_batches() -> None:
    model = make_network()
    whole, part = (evaluate(model, make_batches(10), nn.CrossEntropyLoss(), Plan(CPU), limit) for limit in (None, 2))
    assert len(part.labels) == 20
    assert torch.equal(part.logits, whole.logits[:20])


def test_a_plan_of_bf16_computes_the_network_in_it_and_the_loss_in_float32() -> None:
    dtypes = []

    class Noted(nn.CrossEntropyLoss):
        def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
            dtypes.append(logits.dtype)
            return super().forward(logits, labels)

    model = make_network()
    model[3].register_forward_hook(lambda _module, _inputs, output: dtypes.append(output.dtype))
    result = evaluate(model, make_batches(23), Noted(), Plan(CPU, precision="bf16"))
    assert dtypes == [torch.bfloat16, torch.float32]
    assert result.logits.dtype == torch.float32
