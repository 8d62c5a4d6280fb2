"""A run from its config to its result: setup, training, run directory, resume, console output."""
