"""Look at a picture of your own through a network: `python scripts/feature_maps.py run=<run dir> image=cat.jpg`."""

from convboard.cli.main import main

if __name__ == "__main__":
    main("feature-maps")
