"""What `scripts/benchmark.py` measures: convboard's runner, and what else one might train the same network with."""
