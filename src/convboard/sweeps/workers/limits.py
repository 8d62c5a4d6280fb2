"""What ends a sweep before its trials are done, or a trial before it is: failures, time, and a trial that hangs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of a sweep. Times are in minutes; None: no limit.

    Attributes:
        stops_on_failure: Whether no further trial is started once one has failed.
        max_minutes: Time for all trials together, since the command was started.
        trial_minutes: Time for one trial, since it was started or resumed.
        hang_minutes: Time without a sign of progress after which a trial is taken to hang.
        idle_minutes: Time without a trial after which a worker ends, although others still run some.
    """

    stops_on_failure: bool = False
    max_minutes: float | None = None
    trial_minutes: float | None = None
    hang_minutes: float | None = None
    idle_minutes: float | None = None

    def end_of_sweep(self, seconds: float, failed: int, idle: float = 0.0) -> str:
        """Return why the sweep ends, or this worker; empty if it goes on.

        Args:
            seconds: Time since its start.
            failed: Number of trials that have failed since then.
            idle: Time for which no trial has run here.
        """
        if failed and self.stops_on_failure:
            return "sweep.on_failure=stop, and a trial has failed"
        if _is_over(seconds, self.max_minutes):
            return f"sweep.max_minutes={self.max_minutes:g} have passed"
        if _is_over(idle, self.idle_minutes):
            return f"nothing to do for {self.idle_minutes:g} minutes; others train what is left"
        return ""

    def overtime(self, seconds: float) -> str:
        """Return why a trial ends that runs for so many seconds; empty if it goes on."""
        if not _is_over(seconds, self.trial_minutes):
            return ""
        return f"not done in sweep.trial_minutes={self.trial_minutes:g}; it goes on if it is retried"

    def hang(self, seconds: float, activity: str) -> str:
        """Return why a trial is taken to hang; empty if it is not.

        Args:
            seconds: Time since its last sign of progress.
            activity: What that was, such as `step 7`.
        """
        if not _is_over(seconds, self.hang_minutes):
            return ""
        limit = f"sweep.hang_minutes={self.hang_minutes:g}"
        return f"no progress for {limit}, the last sign of it was {activity}; its log shows where it hung"


NO_LIMITS = Limits()


def _is_over(seconds: float, minutes: float | None) -> bool:
    return minutes is not None and seconds > 60 * minutes
