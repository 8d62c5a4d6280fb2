"""What a backend does: it starts workers, which are commands that join a sweep, and stops them."""

from collections.abc import Mapping
from typing import Protocol

from convboard.sweeps.store.submissions import Submission


class Backend(Protocol):
    """Starts workers on an engine such as Slurm.

    The state of a sweep is in its folder alone. A backend keeps nothing but what it needs to find its own jobs again.
    """

    def start(self, submission: Submission) -> list[str]:
        """Start the workers of a submission, and return at once.

        Returns:
            What finds them again, such as ids of jobs.

        Raises:
            RunError: The engine is not there, or refuses them; with its own words.
        """
        ...

    def cancel(self, submission: Submission) -> str:
        """End the workers of a submission that wait or run; those that run have been asked to save and end.

        Returns:
            What was ended, in words; empty if there was nothing.

        Raises:
            RunError: The engine is not there.
        """
        ...

    def count(self, submission: Submission) -> Mapping[str, int] | None:
        """Return how many jobs of a submission wait or run, in each state by the engine's own names; None if unknown.

        Raises:
            RunError: The engine is not there.
        """
        ...

    def logs(self, submission: Submission) -> str:
        """Return where the output of its workers is."""
        ...
