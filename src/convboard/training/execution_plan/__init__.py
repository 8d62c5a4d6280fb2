"""The computation of the steps of a run: device, precision, memory format, threads, CUDA graph; and its choice."""
