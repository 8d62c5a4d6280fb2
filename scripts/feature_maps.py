"""Look at a picture of your own through a network: `python scripts/feature_maps.py run=<run dir> image=cat.jpg`."""

from convboard.training import signals

signals.end_at_once()  # before anything is imported that takes its time

from convboard.cli import feature_maps  # noqa: E402

if __name__ == "__main__":
    feature_maps.run()
