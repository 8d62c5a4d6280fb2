"""The communicator of this process, from the environment variables of torchrun."""

import functools
import os

from convboard.training.distributed.communicator import Communicator


@functools.cache
def communicator() -> Communicator:
    """Return the communicator of this process; the first call connects it to the others."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or "RANK" not in os.environ:
        return Communicator()
    from convboard.training.distributed.process_group import join  # deferred for start-up time: imports torch

    return join()
