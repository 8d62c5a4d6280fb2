"""How the steps of a run are computed: device, precision, memory format, threads, CUDA graph; chosen by measurement."""
