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

NETWORK = "layers/network"


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


def activation_mean(layer: str) -> str:
    """Scalar: mean of the values that the histogram `activations` shows."""
    return f"{activations(layer)}/mean"


def activation_std(layer: str) -> str:
    """Scalar: standard deviation of the same."""
    return f"{activations(layer)}/std"


def gradient_norm(layer: str) -> str:
    """Scalar: 2-norm of the gradient of a layer's own parameters."""
    return f"gradient_norm/{_slashes(layer)}"


def is_of_a_layer(image: str) -> bool:
    """Whether an image's tag is that of a picture with numbers inside, of a layer or of the network's input."""
    return image == INPUT_PROBE or image.startswith(("kernels/", "feature_maps/"))


def measured(scalar: str) -> tuple[str, str] | None:
    """Of a scalar's tag the layer, by its module path, and what of it was measured; None where it is of no layer.

    `activations/block/0/std` is of `block.0` the `std`, `gradient_norm/conv1` of `conv1` the `gradient_norm`.
    """
    kind, _, rest = scalar.partition("/")
    if kind == "activations":
        layer, _, what = rest.rpartition("/")
    elif kind == "gradient_norm":
        layer, what = rest, kind
    else:
        return None
    return layer.replace("/", "."), what


def precision_recall(class_name: str) -> str:
    """Precision-recall curve of one class against the rest."""
    return f"precision_recall/{class_name}"


def problem(part: str) -> str:
    """Text: why a part of the board could not be made."""
    return f"problems/{part}"


def _slashes(path: str) -> str:
    return path.replace(".", "/")
