"""Which of several processes is to blame when a run comes no further: decided from what each tells of itself."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

LOOKS = 16  # at the others, without news of one of them, after which that one is gone
_LATER = 2  # seconds that a process which only waits leaves to the one that it waits for to blame itself


@dataclass(frozen=True)
class Failure:
    """Why a run of several processes ends.

    Attributes:
        rank: Of the process that failed.
        text: What happened, for people.
        code: Exit code.
        is_silent: It can say nothing any more.
    """

    rank: int
    text: str
    code: int
    is_silent: bool = False


class Doing(NamedTuple):
    """What the main thread does.

    Attributes:
        what: In words.
        number: Counts up.
        since: `time.monotonic()` when it came to it, or when it began to wait.
        seconds: How long it may take.
        waits: Whether it has nothing left to do but wait for the others.
    """

    what: str
    number: int
    since: float
    seconds: float
    waits: bool = False


class Sign(NamedTuple):
    """The last that a process told of itself.

    Attributes:
        content: JSON with its `host` and `pid`, a `beat` that counts up, and what it is `doing`: the number of that,
            and whether it waits; or null.
        at: `time.monotonic()` when it was heard.
        look: How many times this process had looked before.
    """

    content: str
    at: float
    look: int

    @property
    def called(self) -> str:
        """`process 4711 on somewhere`."""
        told = json.loads(self.content)
        return f"process {told['pid']} on {told['host']}"


def silent(signs: Mapping[int, Sign], now: float, seconds: float, awake_since: float = 0.0) -> Failure | None:
    """Another process that has told nothing for so many seconds, of which this one was awake all the while."""
    for rank, sign in signs.items():
        if now > max(sign.at, awake_since) + seconds:
            text = f"{sign.called} was not heard from for {seconds:.0f} s: it is stopped, or cut off."
            return Failure(rank, text, 1, is_silent=True)
    return None


def stuck(doing: Doing | None, signs: Mapping[int, Sign], now: float, awake_since: float) -> str | None:
    """How this process holds up all, in words, if it does: the last to come to what it does, or waiting as all do."""
    if doing is None or now < max(doing.since, awake_since) + doing.seconds:
        return None
    states = [json.loads(sign.content)["doing"] for sign in signs.values()]
    waited = now - doing.since
    if not doing.waits:
        if all(state is None or state[0] >= doing.number for state in states):
            return f"it came no further in {doing.what} for {waited:.0f} s. It is at"
    elif waited > doing.seconds + _LATER and all(state is not None and state[1] for state in states):
        return f"all processes wait for each other in {doing.what} for {waited:.0f} s, at"
    return None


def missing(others: Iterable[int], signs: Mapping[int, Sign], since: int) -> list[int]:
    """Those who may be gone: no sign of life was given after this process's look number `since`.

    What was heard at the look after that may have been written before it.
    """
    return [rank for rank in others if rank not in signs or signs[rank].look <= since + 1]


def gone(rank: int, signs: Mapping[int, Sign]) -> Failure:
    """A process that is missing for long."""
    text = "it ended, or was stopped, before it was heard of."
    if rank in signs:
        text = f"{signs[rank].called} is gone: it was killed, or its machine is down."
    return Failure(rank, text, 1, is_silent=True)
