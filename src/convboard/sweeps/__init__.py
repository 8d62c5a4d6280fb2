"""Many runs: the trials of a sweep, their journal, and the workers that run them."""
