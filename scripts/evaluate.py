"""Evaluate the best network of a finished run again: `python scripts/evaluate.py run=<run dir>`."""

from convboard.cli.main import main

if __name__ == "__main__":
    main("evaluate")
