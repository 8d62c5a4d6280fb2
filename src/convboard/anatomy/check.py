"""Does this network fit these images and classes? Asked before the first step of a training."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from convboard.anatomy.diagnostics.case import Case
from convboard.anatomy.diagnostics.diagnosis import Diagnosis, diagnosis_of
from convboard.anatomy.diagnostics.examination import examine
from convboard.anatomy.dry_run import DryRun, dry_run
from convboard.anatomy.receptive_field.lookup import FOLLOWERS
from convboard.anatomy.trace import Shape
from convboard.errors import ModelError


def diagnose(model: nn.Module, input_shape: Shape, num_classes: int | None = None) -> Diagnosis | None:
    """Run a network once on two black images and explain what does not fit.

    The network, its modes and buffers and the random numbers are left as they were. Ways out are tried on copies
    before they are offered; to that end the network's class may be called again.

    Args:
        model: Any network.
        input_shape: (C, H, W) of an image, float32 as in training.
        num_classes: How many scores it must give for each image; None does not ask.

    Returns:
        What is wrong and what to do, printed with the table of the layers up to there; None if all is well.

    Raises:
        ModelError: The shape is none of an image, or a lazy layer has no shape yet.
        Exception: Whatever else the network's own forward raises, untouched.

    Example:
        >>> print(convboard.diagnose(MyNet(), (1, 28, 28), num_classes=10))
    """
    run = dry_run(model, input_shape, followers=FOLLOWERS, dtype=torch.float32)
    case = Case(model, run, num_classes)
    finding = examine(case)
    if finding is None and run.error is not None:
        raise run.error
    return diagnosis_of(case, finding) if finding else None


def check_fit(
    model: nn.Module,
    input_shape: Shape,
    num_classes: int,
    factory: Callable[..., nn.Module] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> None:
    """Run a network once on two black images and refuse it if it does not fit.

    The network, its modes and buffers and the random numbers are left as they were. Where it does not fit, ways out
    are tried on copies before they are offered; to that end the factory, or the network's class, may be called again.

    Args:
        model: Any network.
        input_shape: (C, H, W) of the images.
        num_classes: How many numbers the network must give for each image.
        factory: What the network was built by, if not by its class.
        arguments: What that was given, as far as known.

    Raises:
        ModelError: They do not fit. The message is a `Diagnosis`: the table up to the place, what arrived, what was
            wanted, the number that would be right, and what to do.
        Exception: Whatever else the network's own forward raises, untouched.
    """
    run = dry_run(model, input_shape, dtype=torch.float32)
    _raise(Case(model, run, num_classes, factory, arguments or {}))


def raise_explained(model: nn.Module, run: DryRun, part_of: str = "") -> None:
    """Raise what a dry run raised, if anything: as a ModelError where the mistake is a known one.

    Args:
        model: The network.
        run: What happened.
        part_of: Name of the network that is under construction, if this is what there is of it so far: then only such
            ways out are offered as do not depend on the rest.
    """
    if run.error is not None:
        _raise(Case(model, run, name=part_of, is_whole=not part_of))


def _raise(case: Case) -> None:
    finding = examine(case)
    if finding is not None:
        raise ModelError(str(diagnosis_of(case, finding))) from case.run.error
    if case.run.error is not None:
        raise case.run.error
