"""Train one network, or with -m a sweep of them: `python train.py model=lenet dataset=mnist`."""

from convboard.cli.main import main

if __name__ == "__main__":
    main("train")
