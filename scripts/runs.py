"""Look at the runs of a folder, compare, plot, export or remove them: `python scripts/runs.py list outputs`."""

from convboard.cli.main import main

if __name__ == "__main__":
    main("runs")
