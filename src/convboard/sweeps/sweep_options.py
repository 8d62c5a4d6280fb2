"""The keys of a sweep itself, which are no part of the config of its runs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from convboard.config.value_checks import between
from convboard.errors import ConfigError

_MOST_WORKERS = 1024


@dataclass
class SweepOptions:
    """How a sweep is run.

    Attributes:
        workers: Number of runs at the same time; None: one on each GPU, or on a CPU one for each core.
        per_gpu: Number of runs at the same time on each GPU; None: one.
        resume: Folder of a sweep to go on with: what has finished is not run again.
        retry: Failed runs of that sweep to try again: failed for all, none, or their numbers, as in 3,7.
        trust: Go on with a sweep that somebody else has made although it names code that is not convboard's own.
    """

    workers: int | None = None
    per_gpu: int | None = None
    resume: str | None = None
    retry: str = "failed"
    trust: bool = False

    def __post_init__(self) -> None:
        between("sweep.workers", self.workers, 1, _MOST_WORKERS)
        between("sweep.per_gpu", self.per_gpu, 1, _MOST_WORKERS)

    def trials_to_retry(self, failed: Sequence[int]) -> list[int]:
        """Return the trials to try again.

        Args:
            failed: Those that have failed.

        Raises:
            ConfigError: `retry` names one that has not.
        """
        if self.retry in ("failed", "none"):
            return list(failed) if self.retry == "failed" else []
        numbers = re.findall(r"[^,\[\] ]+", self.retry)
        for number in numbers:
            if not number.isdecimal() or int(number) not in failed:
                has = f"Those that have: {', '.join(map(str, failed))}." if failed else "No trial of the sweep has."
                raise ConfigError(f"sweep.retry={self.retry}: {number} is no trial that has failed. {has}")
        return [int(number) for number in numbers]


@dataclass
class SweepArguments:
    """The schema of `sweep.<key>=<value>`.

    Attributes:
        sweep: The keys.
    """

    sweep: SweepOptions = field(default_factory=SweepOptions)
