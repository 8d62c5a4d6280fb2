import pytest
from torch._C._distributed_c10d import HashStore

from convboard.training.distributed.rendezvous import StoreCommunicator


@pytest.mark.parametrize(("compiles", "first"), [(True, 30.0), (False, 2.0)])
def test_a_step_that_compiles_may_take_longer_but_not_for_ever(compiles: bool, first: float) -> None:
    meeting = StoreCommunicator(HashStore(), rank=0, size=2)
    meeting.compiles = compiles
    watch = meeting._watch
    watch.seconds = 2.0
    limits = []
    for step in (1, 2):
        with meeting.watched(f"step {step}", "a step"):
            assert watch.doing is not None
            limits.append(watch.doing.seconds)
    watch.say_no_more()
    watch.join()
    assert limits == [first, 2.0]
    assert watch.doing is None
