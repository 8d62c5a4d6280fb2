"""Every TensorBoard tag that convboard writes, named once.

TensorBoard groups tags by what stands before the first slash; module paths are written with `/` for `.`, so that a
nested network folds up the same way.
"""

LOSS_TRAIN = "loss/train"
LOSS_VAL = "loss/val"
LOSS_TEST = "loss/test"
ACCURACY_TRAIN = "accuracy/train"
ACCURACY_VAL = "accuracy/val"
ACCURACY_TEST = "accuracy/test"
LR = "lr"
THROUGHPUT = "throughput/images_per_second"
GRADIENT_NORM = "gradients/norm"

INPUT_PROBE = "input/probe"
CONFUSION_MATRIX = "confusion_matrix/val"
MISCLASSIFIED = "misclassified/val"

OWN_PICTURE = "own_picture/sheet"

CONFIG = "config"
LAYERS = "layers"
ENVIRONMENT = "environment"
PLAN = "plan"
GRAPH_FALLBACK = "graph"

EMBEDDING = "embedding/val"


def kernels(layer: str) -> str:
    """Image of a conv layer's kernels."""
    return f"kernels/{_slashes(layer)}"


def feature_maps(layer: str) -> str:
    """Image of what a conv layer makes of the probe images."""
    return f"feature_maps/{_slashes(layer)}"


def own_picture(layer: str) -> str:
    """Image of what a conv layer makes of a picture of the user's own."""
    return f"own_picture/{_slashes(layer)}"


def weights(parameter: str) -> str:
    """Histogram of a parameter."""
    return f"weights/{_slashes(parameter)}"


def gradients(parameter: str) -> str:
    """Histogram of a parameter's gradient."""
    return f"gradients/{_slashes(parameter)}"


def activations(layer: str) -> str:
    """Histogram of a layer's outputs, after its activation function."""
    return f"activations/{_slashes(layer)}"


def dead_fraction(layer: str) -> str:
    """Scalar: share of a layer's units that are zero for every image looked at."""
    return f"{activations(layer)}/dead_fraction"


def precision_recall(class_name: str) -> str:
    """Precision-recall curve of one class against the rest."""
    return f"precision_recall/{class_name}"


def problem(part: str) -> str:
    """Text: why a part of the board could not be made."""
    return f"problems/{part}"


def _slashes(path: str) -> str:
    return path.replace(".", "/")
