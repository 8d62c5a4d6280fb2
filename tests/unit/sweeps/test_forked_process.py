"""Functions in processes that are forked from the server: what they return, and what they raise."""

import os

import pytest

from convboard.errors import DataError
from convboard.sweeps.forked_process import result_of
from python_code import printed


def test_the_result_of_a_function_comes_back() -> None:
    pid, told = result_of("trial_targets:whoami", "here")
    assert (pid != os.getpid(), told) == (True, "here")


def test_a_mistake_of_the_user_comes_back_as_it_is() -> None:
    with pytest.raises(DataError, match=r"^no pictures$") as raised:
        result_of("trial_targets:refuse", "no pictures")
    assert raised.value.arguments == ("path",)


def test_a_process_that_ends_is_no_result() -> None:
    with pytest.raises(EOFError):
        result_of("os:_exit", 3)


def test_no_process_is_left_when_all_are_ended() -> None:
    code = """
import subprocess
from convboard.sweeps.forked_process import end_all
started = subprocess.Popen(["sh", "-c", "sleep 100 & echo; wait"], stdout=subprocess.PIPE)
started.stdout.readline()
end_all()
print(started.wait(10))
"""
    assert printed(code) == "-9\n"
