"""Where the workers of a sweep are started: on this machine, or by another program on others."""
