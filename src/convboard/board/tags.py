"""Every TensorBoard tag that convboard writes, named once.

TensorBoard groups tags by the part before the first slash. Module paths are written with `/` for `.`, so that a nested
network is grouped in the same way.
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

MONTAGE = "user_image/montage"

CONFIG = "config"
LAYERS = "layers"
ENVIRONMENT = "environment"
PLAN = "plan"
GRAPH_FALLBACK = "graph"

EMBEDDING = "embedding/val"

NETWORK = "layers/network"


def best(metric: str) -> str:
    """Scalar: a metric of the best epoch so far, which the run's result has under the name `metric`."""
    return f"best/{metric}"


def kernels(layer: str) -> str:
    """Image of a conv layer's kernels."""
    return f"kernels/{_slashes(layer)}"


def weight_matrix(layer: str) -> str:
    """Image of a linear layer's weights."""
    return f"weight_matrix/{_slashes(layer)}"


def feature_maps(layer: str) -> str:
    """Image of a conv layer's feature maps of the probe images."""
    return f"feature_maps/{_slashes(layer)}"


def montage_part(layer: str) -> str:
    """Image of a conv layer's response to a user's image."""
    return f"user_image/{_slashes(layer)}"


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
    """Scalar: share of a layer's units that are zero for every image of the sample."""
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


def has_embedded_arrays(image: str) -> bool:
    """Return whether arrays are embedded in the figure of an image tag: those of a layer or of the input have some."""
    return image == INPUT_PROBE or image.startswith(("kernels/", "weight_matrix/", "feature_maps/"))


def layer_statistic(scalar: str) -> tuple[str, str] | None:
    """The layer, by its module path, and the statistic of a scalar tag; None for a tag of no layer.

    `activations/block/0/std` gives `("block.0", "std")`, `gradient_norm/conv1` gives `("conv1", "gradient_norm")`.
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
    """Text: why a part of the board is missing."""
    return f"problems/{part}"


def _slashes(path: str) -> str:
    return path.replace(".", "/")
