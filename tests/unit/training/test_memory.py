import resource

import torch

from convboard.training.memory import keep_freed_memory


def test_a_freed_block_is_used_again_without_asking_the_system() -> None:
    keep_freed_memory()
    megabytes, rounds = 16, 8

    def use() -> None:
        torch.ones(megabytes * 2**18)

    use()
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        use()
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
    assert faults * resource.getpagesize() < megabytes * 2**20  # anew in each round, it would be `rounds` times that
