"""Show a network as a table: `python scripts/layers.py model=lenet dataset=mnist`."""

from convboard.cli.main import main

if __name__ == "__main__":
    main("layers")
