"""Networks that are not the user's to edit: torchvision's."""

from typing import Any

import pytest
import torch
from torch import nn
from torchvision import models

from convboard.anatomy.check import check_training_run
from convboard.anatomy.diagnostics.context import Remedy
from convboard.anatomy.diagnostics.diagnose import diagnose
from convboard.anatomy.diagnostics.diagnosis import DiagnosedError
from convboard.anatomy.diagnostics.trials import training_run
from convboard.anatomy.origin import Origin
from convboard.experiment.setup import build_model

GREY, COLOUR = (1, 32, 32), (3, 32, 32)


def message(name: str, shape: tuple[int, int, int], **arguments: Any) -> str:
    with pytest.raises(DiagnosedError) as raised:
        build_model({"_target_": f"torchvision.models.{name}", **arguments}, shape, 10)
    return str(raised.value).partition("What to do")[2]


def test_classes_are_an_argument_that_the_function_passes_on() -> None:
    advice = "build it with squeezenet1_1(num_classes=10) (in a config: model.num_classes=10)"
    assert " ".join(message("squeezenet1_1", COLOUR).split()) == f": - {advice}"
    node = {"_target_": "torchvision.models.squeezenet1_1", "num_classes": 10}
    assert build_model(node, COLOUR, 10)(torch.zeros(2, *COLOUR)).shape == (2, 10)


def test_grey_images_need_a_function_of_the_user_s_own() -> None:
    advice = message("squeezenet1_1", GREY, dropout=0.2)
    assert "write this into mynet.py, and train mynet.net (in a config:\n    model._target_=mynet.net)" in advice
    code = advice.partition("mynet.net)")[2]
    assert code.split("\n") == [
        "",
        "",
        "        from torch import nn",
        "        from torchvision.models.squeezenet import squeezenet1_1",
        "",
        "",
        "        def net():",
        "            model = squeezenet1_1(dropout=0.2, num_classes=10)",
        "            model.features[0] = nn.Conv2d(1, 64, 3, stride=2)",
        "            return model",
        "",
    ]


def test_a_network_that_is_given_gets_the_lines_alone() -> None:
    diagnosis = diagnose(models.mobilenet_v3_small(), GREY, 10)
    assert diagnosis is not None
    (remedy,) = diagnosis.remedies
    assert isinstance(remedy, Remedy)
    assert (remedy, remedy.code.split("\n")) == (
        "change the layer after the network is built",
        [
            "model.features[0][0] = nn.Conv2d(1, 16, 3, stride=2, padding=1, bias=False)",
            "model.classifier[3] = nn.Linear(1024, 10)",
        ],
    )


class TwoOutputs(nn.Module):
    """In training mode it gives an auxiliary output too, as torchvision's GoogLeNet does."""

    def __init__(self, aux_logits: bool = True) -> None:
        super().__init__()
        self.fc, self.aux_logits = nn.Linear(16, 10), aux_logits

    def forward(self, x: Any) -> Any:
        scores = self.fc(x.flatten(1))
        return (scores, scores) if self.training and self.aux_logits else scores


def test_a_switch_that_makes_the_output_one_tensor() -> None:
    model = TwoOutputs()
    run = training_run(model, (1, 4, 4))
    assert run is not None
    with pytest.raises(DiagnosedError, match="In training mode, the network returns a tuple") as raised:
        check_training_run(model, run, Origin(TwoOutputs))
    remedy = raised.value.diagnosis.remedies[0]
    assert isinstance(remedy, Remedy)
    assert (remedy, remedy.argument) == ("build it with TwoOutputs(aux_logits=False)", ("aux_logits", False))


def test_the_size_of_the_images_is_an_argument_that_is_passed_on() -> None:
    arguments = {"num_classes": 10, "patch_size": 8, "num_layers": 1, "num_heads": 1, "hidden_dim": 8, "mlp_dim": 8}
    node = {"_target_": f"{__name__}.vision_transformer", **arguments}
    with pytest.raises(DiagnosedError, match=r"Expected 224 but got 32!(.|\n)*model\.image_size=32\)"):
        build_model(node, COLOUR, 10)
    assert build_model({**node, "image_size": 32}, COLOUR, 10)(torch.zeros(1, *COLOUR)).shape == (1, 10)
    node = {"_target_": "torchvision.models.squeezenet1_1", "num_classes": 10, "image_size": 32}  # for the data alone
    build_model(node, COLOUR, 10)


def vision_transformer(**kwargs: Any) -> nn.Module:
    network: nn.Module = models.VisionTransformer(**{"image_size": 224, **kwargs})
    return network


def test_a_network_for_videos() -> None:
    with pytest.raises(DiagnosedError, match=r"network is not made for pictures: choose another\.$"):
        build_model({"_target_": f"{__name__}.video"}, COLOUR, 10)


def video() -> nn.Module:
    network: nn.Module = models.video.VideoResNet(
        models.video.resnet.BasicBlock,
        [models.video.resnet.Conv3DSimple] * 4,
        [0, 0, 0, 0],
        models.video.resnet.BasicStem,
    )
    return network


def test_weights_that_cannot_be_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setenv("TORCH_HOME", "/nowhere")
    with pytest.raises(DiagnosedError) as raised:
        build_model({"_target_": "torchvision.models.squeezenet1_1", "weights": "DEFAULT"}, COLOUR, 10)
    text = " ".join(str(raised.value).split())
    assert "The pretrained weights cannot be downloaded: squeezenet1_1-b8a52dc0.pth is looked for in /nowhere" in text
    assert "leave out weights: the network then begins with random weights" in text


def test_weights_that_do_not_exist() -> None:
    with pytest.raises(DiagnosedError, match=r"weights must\s+be one of these. Allowed: DEFAULT,\s+IMAGENET1K_V1"):
        build_model({"_target_": "torchvision.models.squeezenet1_1", "weights": "imagenet"}, COLOUR, 10)


def test_an_argument_that_is_passed_on_in_vain() -> None:
    with pytest.raises(ValueError, match=r"has no argument 'num_class': .* Did you mean 'num_classes'\?"):
        build_model({"_target_": "torchvision.models.squeezenet1_1", "num_class": 10}, COLOUR, 10)
