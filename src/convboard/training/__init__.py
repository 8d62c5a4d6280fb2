"""The training loop and its parts. It knows neither configs nor TensorBoard."""
