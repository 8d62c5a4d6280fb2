"""The Layers tab: a backend that TensorBoard loads, and what runs in the browser, in `static`."""
