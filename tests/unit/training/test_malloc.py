import resource

import torch

from convboard.training.malloc import keep_freed_memory


def test_a_freed_block_is_used_again_without_asking_the_system() -> None:
    keep_freed_memory()
    megabytes, rounds = 16, 20

    def use() -> None:
        torch.ones(megabytes * 2**18)

    for _ in range(rounds):  # the library takes a few to lay its blocks out so that the next one fits
        use()
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        use()
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
    assert faults * resource.getpagesize() < megabytes * 2**20  # anew in each round, it would be `rounds` times that
