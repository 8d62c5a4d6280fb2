"""What a run is built of: what the config, the data and the plan decide, and what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convboard.config.schema import TrainConfig
from convboard.data.dataset import ImageDataset, Split
from convboard.errors import ConfigError, ModelError
from convboard.experiment.dataset import build_batches
from convboard.experiment.learning_advice import divergence_advice
from convboard.experiment.setup import build_model, build_setup, initialise
from convboard.training.distributed.communicator import Communicator
from convboard.training.execution_plan.plan import Plan
from convboard.training.losses import OneHotMSE
from convboard.training.training_setup import TrainingSetup

CPU = torch.device("cpu")
SHAPE = (1, 6, 6)


def make_split(images: int) -> Split:
    pixels = torch.randint(0, 256, (images, *SHAPE), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return Split(pixels, torch.arange(images) % 3)


DATASET = ImageDataset("made", ("a", "b", "c"), (0.5,), (0.25,), make_split(40), make_split(9), make_split(12))


def make_config(**changes: Any) -> TrainConfig:
    plain: dict[str, Any] = {
        "model": {"_target_": "convboard.models.sequential", "layers": ["flatten", "linear"]},
        "dataset": {"name": "digits"},
        "optimizer": {"_target_": "torch.optim.SGD", "lr": 0.02},
        "scheduler": {"_target_": "convboard.training.schedules.Constant"},
        "batch_size": 16,
    }
    return TrainConfig.from_dict({**plain, **changes})


def set_up(model: nn.Module | None = None, plan: Plan | None = None, **changes: Any) -> TrainingSetup:
    return build_setup(make_config(**changes), DATASET, plan or Plan(CPU), Path("checkpoints"), Communicator(), model)


class TestTheModel:
    def test_gets_its_channels_and_classes_from_the_data_and_no_image_size(self) -> None:
        layers = [{"conv": {"out_channels": 4, "kernel_size": 3}}, "flatten", "linear"]
        node = {"_target_": "convboard.models.sequential", "layers": layers, "image_size": 6}
        assert build_model(node, (3, 6, 6), 7)(torch.zeros(2, 3, 6, 6)).shape == (2, 7)

    def test_that_does_not_fit_is_refused_with_the_keys_that_mend_it(self) -> None:
        node = {"_target_": "convboard.models.LeNet", "in_channels": 3}
        with pytest.raises(ModelError, match=r"in a config: model\.in_channels=1, or\s+left out"):
            build_model(node, (1, 32, 32), 10)

    def test_sees_at_most_a_thousand_training_images_before_it_trains(self) -> None:
        class Seeing(nn.Module):
            def initialise_from(self, images: Tensor) -> None:
                self.seen = images

        model = Seeing()
        many = make_split(1003)
        initialise(model, replace(DATASET, train=many))
        torch.testing.assert_close(model.seen, (many.images[:1000] / 255 - 0.5) / 0.25)


class TestTheBatches:
    def test_only_those_to_train_on_are_shuffled_and_augmented(self) -> None:
        data = {"name": "digits", "random_crop": 2, "horizontal_flip": True}
        plain, augmented = (
            build_batches(make_config(dataset=d), DATASET, Plan(CPU)) for d in ({"name": "digits"}, data)
        )
        for name, order in (("val", torch.arange(9)), ("test", torch.arange(12))):
            (batch,), (other,) = (list(getattr(splits, name).epoch(1)) for splits in (plain, augmented))
            assert torch.equal(batch.indices, order)
            assert torch.equal(batch.images, other.images)
        batch, other = next(plain.train.epoch()), next(augmented.train.epoch())
        assert len(batch.indices) == 16
        assert not torch.equal(batch.indices, torch.arange(16))
        assert torch.equal(batch.indices, other.indices)
        assert not torch.equal(batch.images, other.images)

    def test_evaluation_has_its_own_batch_size(self) -> None:
        splits = build_batches(make_config(trainer={"eval_batch_size": 10}), DATASET, Plan(CPU))
        assert (splits.val.batch_size, splits.test.batch_size) == (9, 10)

    def test_are_in_the_plan_s_memory_format_and_of_the_config_s_seed(self) -> None:
        splits = build_batches(make_config(seed=7), DATASET, Plan(CPU, channels_last=True))
        assert splits.train.seed == 7
        assert splits.train.channels_last
        assert splits.test.channels_last


class Viewing(nn.Module):
    """Flattens by `view`, which channels_last does not allow."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(4 * 4 * 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        features = self.conv(x)
        scores: Tensor = self.fc(features.view(len(features), -1))
        return scores


class HalfUsed(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(36, 3))
        self.unused = nn.Parameter(torch.zeros(2))


class TestTheSetup:
    def test_has_what_the_config_names(self) -> None:
        setup = set_up(loss={"name": "mse"}, trainer={"max_epochs": 4})
        assert isinstance(setup.optimizer, torch.optim.SGD)
        assert setup.optimizer.param_groups[0]["lr"] == 0.02
        assert isinstance(setup.loss, OneHotMSE)
        assert setup.total_steps == 4 * 3  # 40 images in batches of 16
        assert setup.checkpoints == Path("checkpoints")
        assert setup.divergence_advice == divergence_advice(setup.optimizer)
        assert set(map(id, setup.model.parameters())) == set(map(id, setup.optimizer.param_groups[0]["params"]))

    def test_of_equal_configs_has_equal_weights(self) -> None:
        first, same, other = (set_up(seed=seed).model.state_dict() for seed in (3, 3, 4))
        assert all(torch.equal(value, same[name]) for name, value in first.items())
        assert not all(torch.equal(value, other[name]) for name, value in first.items())

    def test_knows_whether_a_step_reaches_every_weight(self) -> None:
        assert set_up().uses_all_weights
        assert not set_up(HalfUsed()).uses_all_weights

    def test_leaves_channels_last_where_the_network_cannot_be_computed_in_it(self) -> None:
        last = Plan(CPU, channels_last=True)
        assert set_up(plan=last).plan.channels_last
        setup = set_up(Viewing(), last)
        assert not setup.plan.channels_last
        assert not setup.splits.train.channels_last
        with pytest.raises(ConfigError, match=r"trainer\.channels_last=true: the network flattens by \.view"):
            set_up(Viewing(), last, trainer={"channels_last": True})

    def test_of_a_user_s_own_network_gives_lazy_layers_their_shapes(self) -> None:
        model = set_up(nn.Sequential(nn.Flatten(), nn.LazyLinear(3))).model
        assert model.get_parameter("1.weight").shape == (3, 36)

    @pytest.mark.parametrize("layers", [[nn.Linear(36, 4)], [nn.Linear(35, 3)], [nn.LazyLinear(5), nn.Linear(4, 3)]])
    def test_of_a_user_s_own_network_that_does_not_fit_is_refused(self, layers: list[nn.Module]) -> None:
        with pytest.raises(ModelError):
            set_up(nn.Sequential(nn.Flatten(), *layers))

    def test_of_an_optimizer_or_a_schedule_that_cannot_be_used_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"^optimizer: torch\.optim\.SGD with .* refuses its arguments: Nesterov"):
            set_up(optimizer={"_target_": "torch.optim.SGD", "lr": 0.1, "nesterov": True})
        with pytest.raises(ConfigError, match=r"^scheduler\._target_='torch\.nn\.Identity' is not a schedule"):
            set_up(scheduler={"_target_": "torch.nn.Identity"})


class TestWrappedNetworks:
    def test_of_data_parallel_the_network_inside_is_trained(self) -> None:
        inside = nn.Sequential(nn.Flatten(), nn.Linear(36, 3))
        assert set_up(nn.DataParallel(inside)).model is inside
        built = build_model({"_target_": f"{__name__}.parallel"}, SHAPE, 3)
        assert isinstance(built, nn.Sequential)


def parallel() -> nn.Module:
    return nn.DataParallel(nn.Sequential(nn.Flatten(), nn.Linear(36, 3)))
