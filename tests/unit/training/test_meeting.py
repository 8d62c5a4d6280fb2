from torch._C._distributed_c10d import HashStore

from convboard.training.meeting import Meeting


def test_what_is_done_for_the_first_time_may_take_longer_but_not_for_ever() -> None:
    meeting = Meeting(HashStore(), rank=0, size=2)
    watch = meeting._watch
    watch.seconds = 2.0
    limits = []
    for step in (1, 2):
        with meeting.watched(f"step {step}", "a step"):
            assert watch.doing is not None
            limits.append(watch.doing.seconds)
    watch.say_no_more()
    watch.join()
    assert limits == [30.0, 2.0]
    assert watch.doing is None
