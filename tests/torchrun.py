"""torchrun, as a script that the tests can fork from a process that has imported torch."""

from torch.distributed.run import main

if __name__ == "__main__":
    main()
