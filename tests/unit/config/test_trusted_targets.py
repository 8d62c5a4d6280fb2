import pytest

from convboard.config import trusted_targets


@pytest.mark.parametrize(
    ("group", "target"),
    [
        ("model", "convboard.models.LeNet"),
        ("model", "convboard.models.sequential"),
        ("model", "convboard.models.resnet18"),
        ("optimizer", "torch.optim.Adagrad"),
        ("scheduler", "convboard.training.schedules.OneCycle"),
    ],
)
def test_convboards_own_is_not_foreign(group: str, target: str) -> None:
    assert trusted_targets.foreign_targets(group, {"_target_": target, "lr": 1}) == []


@pytest.mark.parametrize(
    ("group", "target"),
    [
        ("model", "os.system"),
        ("model", "convboard_evil.models.LeNet"),
        ("model", "convboard.files.atomic_write_text"),
        # Names that walk on through what a module of comm has imported.
        ("model", "convboard.models.infer_arguments.torch.load"),
        ("model", "convboard.models.infer_arguments.torch.hub.load"),
        ("model", "convboard.experiment.setup.torch.load"),
        ("scheduler", "torch.optim.optimizer.torch.load"),
        ("optimizer", "torch.optim.optimizer.torch.load"),
        ("optimizer", "convboard.models.LeNet"),
    ],
)
def test_all_else_is(group: str, target: str) -> None:
    assert trusted_targets.foreign_targets(group, {"_target_": target}) == [target]
    assert trusted_targets.foreign_targets(group, {"_target_": target}, trusted={target}) == []


def test_a_target_within_a_target_is_foreign_whatever_it_is() -> None:
    node = {"_target_": "convboard.models.LeNet", "in_channels": [{"x": {"_target_": "convboard.models.LeNet"}}]}
    assert trusted_targets.foreign_targets("model", node) == ["convboard.models.LeNet"]


def test_the_options_of_conf_are_our_own() -> None:
    from pathlib import Path

    from omegaconf import OmegaConf

    for group in ("model", "optimizer", "scheduler"):
        for file in (Path(__file__).parents[3] / "conf" / group).glob("*.yaml"):
            node = OmegaConf.to_container(OmegaConf.load(file))
            assert trusted_targets.foreign_targets(group, node) == [], file
            assert trusted_targets.are_usual(group, node), file
        assert trusted_targets._USUAL[group] <= trusted_targets._own_targets(group)


def test_every_optimizer_of_torch_is_our_own_and_nothing_else_of_it() -> None:
    optimizers = ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "ASGD", "Rprop"]
    for name in optimizers:
        assert trusted_targets.foreign_targets("optimizer", {"_target_": f"torch.optim.{name}"}) == []
    for name in ("lr_scheduler.StepLR", "swa_utils.AveragedModel", "optimizer.Optimizer"):
        assert trusted_targets.foreign_targets("optimizer", {"_target_": f"torch.optim.{name}"}) == [
            f"torch.optim.{name}"
        ]
