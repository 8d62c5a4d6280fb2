from convboard.board import tags


def test_module_paths_are_written_with_slashes() -> None:
    assert tags.kernels("layer1.0.conv2") == "kernels/layer1/0/conv2"
    assert tags.montage_part("layer1.0.conv2") == "user_image/layer1/0/conv2"
    assert tags.feature_maps("conv1") == "feature_maps/conv1"
    assert tags.weights("conv1.weight") == "weights/conv1/weight"
    assert tags.gradients("conv1.weight") == "gradients/conv1/weight"
    assert tags.dead_fraction("fc1") == "activations/fc1/dead_fraction"
    assert tags.activation_mean("block.0") == "activations/block/0/mean"
    assert tags.activation_std("block.0") == "activations/block/0/std"
    assert tags.gradient_norm("block.0") == "gradient_norm/block/0"


def test_what_was_measured_of_a_layer_is_read_from_the_tag() -> None:
    assert tags.layer_statistic(tags.activation_mean("block.0")) == ("block.0", "mean")
    assert tags.layer_statistic(tags.activation_std("conv1:2")) == ("conv1:2", "std")
    assert tags.layer_statistic(tags.dead_fraction("fc1")) == ("fc1", "dead_fraction")
    assert tags.layer_statistic(tags.gradient_norm("layer1.0.bn1")) == ("layer1.0.bn1", "gradient_norm")
    assert [tags.layer_statistic(tag) for tag in (tags.LOSS_TRAIN, tags.GRADIENT_NORM, tags.LR)] == [None] * 3


def test_pictures_of_layers_are_told_from_others() -> None:
    assert all(tags.has_embedded_arrays(tag) for tag in (tags.kernels("a.b"), tags.feature_maps("a"), tags.INPUT_PROBE))
    assert not any(tags.has_embedded_arrays(tag) for tag in (tags.CONFUSION_MATRIX, tags.MISCLASSIFIED))
