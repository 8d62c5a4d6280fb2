"""TensorBoard tabs: small Python backends, and plain ES modules in `static`."""
