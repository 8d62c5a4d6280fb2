"""The networks: plain nn.Modules that know nothing of configs, each in a file of its own."""

from convboard.models.batchnorm_cnn import BatchNormCNN
from convboard.models.cifar10_quick import CIFAR10Quick, cifar10_quick_sequential
from convboard.models.conv_demo import ConvDemo
from convboard.models.conv_mlp import ConvMLP
from convboard.models.conv_stack import ConvStack
from convboard.models.infer_arguments import build
from convboard.models.lenet import LeNet
from convboard.models.registry import MODELS, build_model
from convboard.models.resnet import resnet18
from convboard.models.sequential import sequential
from convboard.models.whitened_cnn import WhitenedCNN

__all__ = [
    "MODELS",
    "BatchNormCNN",
    "CIFAR10Quick",
    "ConvDemo",
    "ConvMLP",
    "ConvStack",
    "LeNet",
    "WhitenedCNN",
    "build",
    "build_model",
    "cifar10_quick_sequential",
    "resnet18",
    "sequential",
]
