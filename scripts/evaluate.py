"""Evaluate the best network of a finished run again: `python scripts/evaluate.py run=<run dir>`."""

from convboard.training import signals

signals.end_at_once()  # before anything is imported that takes its time

from convboard.cli import evaluate  # noqa: E402

if __name__ == "__main__":
    evaluate.run()
