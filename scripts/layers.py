"""Show a network as a table: `python scripts/layers.py model=lenet dataset=mnist`."""

from convboard.training import signals

signals.end_at_once()  # before anything is imported that takes its time

from convboard.cli import layers  # noqa: E402

if __name__ == "__main__":
    layers.run()
