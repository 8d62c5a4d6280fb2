from convboard.board import tags


def test_module_paths_are_written_with_slashes() -> None:
    assert tags.kernels("layer1.0.conv2") == "kernels/layer1/0/conv2"
    assert tags.own_picture("layer1.0.conv2") == "own_picture/layer1/0/conv2"
    assert tags.feature_maps("conv1") == "feature_maps/conv1"
    assert tags.weights("conv1.weight") == "weights/conv1/weight"
    assert tags.gradients("conv1.weight") == "gradients/conv1/weight"
    assert tags.dead_fraction("fc1") == "activations/fc1/dead_fraction"
