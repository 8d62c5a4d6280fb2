from pathlib import Path

import pytest
import torch

import convboard.models
from convboard.anatomy.check import check_fit
from convboard.anatomy.summary import layer_table
from convboard.errors import ModelError
from convboard.models import MODELS, build_model
from python_code import printed

LAYERS = ["flatten", "linear"]
CONFIGS = Path(__file__).parents[3] / "conf" / "model"


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 40, 64)])
@pytest.mark.parametrize("name", MODELS)
def test_every_network_fits_any_images(name: str, shape: tuple[int, int, int]) -> None:
    arguments = {"layers": LAYERS} if name == "sequential" else {}
    check_fit(build_model(name, shape, 7, **arguments), shape, 7)


def test_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(ModelError, match=r"Unknown model 'lenet5'\. Did you mean 'lenet'\? Allowed: batchnorm_cnn,"):
        build_model("lenet5", (1, 28, 28), 10)


def test_unknown_argument_offers_the_nearest() -> None:
    with pytest.raises(ModelError, match=r"ConvStack has no argument 'rely'\. Did you mean 'relu'\?"):
        build_model("conv_stack", (1, 28, 28), 10, rely=True)


def test_only_networks_with_a_bare_form_do_without_classes() -> None:
    with pytest.raises(ModelError, match="lenet always ends in a classifier: give num_classes"):
        build_model("lenet", (1, 32, 32), None)


@pytest.mark.parametrize("name", ["lenet", "cifar10_quick", "batchnorm_cnn", "sequential"])
def test_a_look_at_one_network_does_not_change_the_next(name: str) -> None:
    arguments = {"layers": LAYERS} if name == "sequential" else {}

    def weights(looks: bool) -> list[torch.Tensor]:
        torch.manual_seed(0)
        first = build_model(name, (1, 28, 28), 10, **arguments)
        if looks:
            layer_table(first, (1, 28, 28))
            check_fit(first, (1, 28, 28), 10)
        return [*first.parameters(), *build_model(name, (1, 28, 28), 10, **arguments).parameters()]

    assert all(torch.equal(a, b) for a, b in zip(weights(False), weights(True), strict=True))


def test_every_network_has_a_config_that_names_it() -> None:
    for name, factory in MODELS.items():
        text = (CONFIGS / f"{name}.yaml").read_text(encoding="utf-8")
        target = f"convboard.models.{factory.__name__}"
        assert f"_target_: {target}\n" in text
        assert getattr(convboard.models, factory.__name__) is factory
        assert text.startswith("# ")


@pytest.mark.thorough
def test_importing_and_building_stays_light() -> None:
    code = """
import sys
from convboard.models import build_model
from convboard.anatomy.check import check_fit
from convboard.anatomy.summary import layer_table
model = build_model("lenet", (1, 28, 28), 10)
layer_table(model, (1, 28, 28)), check_fit(model, (1, 28, 28), 10)
heavy = {"torchvision", "torch._dynamo", "sympy", "sklearn", "PIL", "matplotlib", "tensorboard"}
print(sorted(heavy & set(sys.modules)))
"""
    assert printed(code).strip() == "[]"
