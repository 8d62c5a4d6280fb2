"""The Sweeps tab: a backend that TensorBoard loads, and the modules that run in the browser, in `static`."""
