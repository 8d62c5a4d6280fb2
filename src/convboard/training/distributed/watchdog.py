"""Watches over the processes of a run, so that when one fails all end, soon, and say why.

Each process has a thread that tells the others, through torchrun's store, that it is alive; and notices when another
one has failed, has not been heard of, or when its own main thread comes no further. A process that waits for a
failed one cannot be woken from Python: it is given a moment to fail by itself, and is then ended. Who is to blame is
decided in `judging`.
"""

import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from torch.distributed.distributed_c10d import Store

from convboard.training.distributed.failures import LOOKS, Doing, Failure, Sign, gone, missing, silent, stuck

BEAT = 0.25  # seconds between two signs of life, and between two looks for those of the others
GRACE = 4.0  # seconds for a process to end by itself when another one has failed
_FAILURE = "convboard/failure"


def _pid_space() -> str:
    """Where a process id means the same process; containers may share their host's name, but not that."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


class Watchdog(threading.Thread):
    """The thread of one process.

    Args:
        store: A connection of its own to the store that all processes share.
        rank: Number of this process.
        size: How many there are.

    Attributes:
        doing: What the main thread is doing that can be watched; None where it may take as long as it likes.
        seconds: How long a process may be silent.
        failure: What ended the run, as soon as this process knows of it.
        advice: Gives what people can do then, or nothing.
    """

    def __init__(self, store: Store, rank: int, size: int) -> None:
        super().__init__(name="convboard-watch", daemon=True)
        self.doing: Doing | None = None
        self.seconds = 20.0
        self.failure: Failure | None = None
        self.advice: Callable[[], str] = str
        self._store = store
        self._rank = rank
        self._others = [other for other in range(size) if other != rank]
        self._signs: dict[int, Sign] = {}
        self._looks = 0
        self._awake_since = 0.0
        self._main = threading.main_thread()
        self._over = threading.Event()  # the main thread ends the process itself
        self._known = threading.Event()
        self._tell()  # who this is, should it be killed at once

    def run(self) -> None:
        """Until the process ends."""
        looked = time.monotonic()
        while not self._over.wait(BEAT):
            before, looked = looked, time.monotonic()
            if looked > before + BEAT + 1:  # stopped for a while, perhaps with all others: nobody is to blame for it
                self._awake_since = looked
            self.look()
            if self.failure is not None:
                self._known.set()
                self._end()
                return

    def look(self) -> None:
        """Give a sign of life, look for those of the others, and find out whether one of all holds up the run."""
        try:
            self._tell()
            self._listen()
            if self.failure is None:
                self._judge()
        except RuntimeError:  # the store is gone, and torchrun with it, or the process that held it
            self.failure = self.failure or Failure(
                0, "torchrun, or the first process, is gone: it was killed, or its machine is.", 1, is_silent=True
            )
        self._looks += 1

    def fail(self, failure: Failure) -> Failure:
        """Say that the run ends, from any thread, and give others the time to hear it.

        Returns:
            Why it does: the first failure counts, the others are what follows from it.
        """
        found = json.dumps(asdict(failure))
        try:
            store = self._store.clone()  # a store serves one thread at a time
            first = store.compare_set(_FAILURE, "", found).decode()
        except RuntimeError:
            first = found
        self.failure = Failure(**json.loads(first))
        if self.failure.rank != self._rank:
            self._hear()
        elif not self._await(len(self._others)) and not self.is_speaker(self.failure):
            self.failure = replace(self.failure, is_silent=True)
        return self.failure

    def settle(self) -> Failure | None:
        """Wait for news of a failure in another process, until every one has given a sign of life since."""
        began = self._looks
        while self.failure is None and self.is_alive():
            absent = missing(self._others, self._signs, began)
            if not absent:
                break
            if self._looks > began + LOOKS:
                return self.fail(gone(absent[0], self._signs))
            self._known.wait(BEAT)
        return self.failure

    def told(self, failure: Failure) -> str:
        """What to tell people."""
        advice = self.advice() if failure.code == 1 else ""
        return f"rank {failure.rank}: {failure.text}" + (f"\n{advice}" if advice else "")

    def is_speaker(self, failure: Failure) -> bool:
        """Whether it falls to this process to say why the run ends: to the first that can."""
        return self._rank == (1 if failure.is_silent and failure.rank == 0 else 0)

    def say_no_more(self) -> None:
        """The main thread ends the process itself."""
        self._over.set()

    def leave(self) -> None:
        """Leave; the first process, which may hold the store, is the last to, as far as the others can."""
        self.join(GRACE)
        with suppress(RuntimeError):
            self._store.add("convboard/left", 1)
            silent = self.failure is not None and self.failure.is_silent
            if self._rank == 0:
                self._await(1 + len(self._others) - silent, "convboard/left")

    def _hear(self) -> None:
        """Let the process that failed know that this one has heard of it."""
        with suppress(RuntimeError):
            self._store.clone().add(f"{_FAILURE}/heard", 1)

    def _await(self, count: int, what: str = f"{_FAILURE}/heard") -> bool:
        """Wait a little for that many to have heard, or for whatever is counted; whether they have."""
        end = time.monotonic() + GRACE
        with suppress(RuntimeError):
            store = self._store.clone()
            while time.monotonic() < end:
                if store.add(what, 0) >= count:
                    return True
                time.sleep(BEAT / 4)
        return False

    def _tell(self) -> None:
        doing = self.doing
        state = None if doing is None else [doing.number, doing.waits]
        where = {"host": socket.gethostname(), "space": _pid_space(), "pid": os.getpid()}
        sign = {"beat": self._looks, **where, "doing": state}
        self._store.set(f"convboard/sign/{self._rank}", json.dumps(sign))

    def _listen(self) -> None:
        """Take in what the others tell."""
        if self._store.check([_FAILURE]):
            self.failure = Failure(**json.loads(self._store.get(_FAILURE)))
            if self.failure.rank != self._rank:
                self._hear()
            return
        for rank in self._others:
            name = f"convboard/sign/{rank}"
            if rank in self._signs or self._store.check([name]):
                content = self._store.get(name).decode()
                if rank not in self._signs or self._signs[rank].content != content:
                    self._signs[rank] = Sign(content, time.monotonic(), self._looks)

    def _judge(self) -> None:
        """Find a process that is silent or comes no further: another, or this one."""
        now = time.monotonic()
        failure = silent(self._signs, now, self.seconds, self._awake_since)
        held_up = stuck(self.doing, self._signs, now, self._awake_since)
        if failure is None and held_up is not None:
            frame = sys._current_frames().get(self._main.ident or 0)
            failure = Failure(self._rank, f"{held_up}\n{''.join(traceback.format_stack(frame)[-3:]).rstrip()}", 1)
        if failure is not None:
            self.fail(failure)

    def _end(self) -> None:
        """End this process if it does not end by itself."""
        failure = self.failure
        assert failure is not None
        self._end_silent(failure)
        if self._over.wait(GRACE if failure.rank != self._rank or self.doing is None else 0):
            return
        if self.is_speaker(failure):
            print(f"convboard: {self.told(failure)}", file=sys.stderr, flush=True)
        sys.stdout.flush()
        os._exit(failure.code)

    def _end_silent(self, failure: Failure) -> None:
        """A process of this machine that is stopped would not even hear torchrun, which waits long for it to end."""
        sign = self._signs.get(failure.rank)
        if failure.is_silent and sign is not None:
            told = json.loads(sign.content)
            if (told["host"], told["space"]) == (socket.gethostname(), _pid_space()):
                try:
                    os.kill(told["pid"], signal.SIGKILL)
                except ProcessLookupError:
                    return
