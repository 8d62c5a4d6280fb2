"""Train one network, or with -m a sweep of them: `python train.py model=lenet dataset=mnist`."""

from convboard.training import signals

signals.end_at_once()  # before anything is imported that takes its time

from convboard.cli import train  # noqa: E402

if __name__ == "__main__":
    train.main()
