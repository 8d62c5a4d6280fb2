"""Train one network, or with -m a sweep of them: `python train.py model=lenet dataset=mnist`."""

from convboard.cli.main import main

# Hydra's completion for fish looks for the text @hydra.main in this file. It is called in convboard/cli/train.py.

if __name__ == "__main__":
    main("train")
