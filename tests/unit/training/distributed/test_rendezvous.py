import pytest
from torch._C._distributed_c10d import HashStore

from convboard.training.distributed.rendezvous import StoreCommunicator


@pytest.mark.parametrize(("compiles", "first"), [(True, 30.0), (False, 2.0)])
def test_a_step_that_compiles_may_take_longer_but_not_for_ever(compiles: bool, first: float) -> None:
    comm = StoreCommunicator(HashStore(), rank=0, world_size=2)
    comm.compiles = compiles
    watchdog = comm._watchdog
    watchdog.timeout = 2.0
    limits = []
    for step in (1, 2):
        with comm.watched(f"step {step}", "a step"):
            assert watchdog.activity is not None
            limits.append(watchdog.activity.limit)
    watchdog._stopped.set()
    watchdog.join()
    assert limits == [first, 2.0]
    assert watchdog.activity is None
