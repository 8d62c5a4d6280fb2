"""Workers that a command of the user's starts, one line for each: `ssh`, `kubectl`, `bsub` or any other."""

import shlex
import string
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from convboard.config.command_line import printable
from convboard.errors import ConfigError, RunError, nearest
from convboard.files import read_text
from convboard.sweeps.backends.settings import RemoteSettings
from convboard.sweeps.store.submissions import SUBMISSIONS, Submission

_WORDS = ("command", "host", "name", "index", "workers", "cpus", "gpus", "folder", "directory")
_WAIT_SECONDS = 5.0  # in which a line that is wrong has usually failed
_GLANCE = 0.1  # seconds
_LAST_LINES = 5  # of the output of a line that has failed
_LONGEST = 10_000_000  # bytes of it


@dataclass
class CommandSettings(RemoteSettings):
    """A command of the user's own, as a template with words in braces.

    Attributes:
        template: The line that starts one process of workers, for the shell. {command} is what the process has to run,
            as one word; {host} one of the hosts; {name} and {index} tell the processes apart; {workers}, {cpus} and
            {gpus} are their numbers; {folder} is the folder of the sweep and {directory} the current one.
        cancel: The line that ends such a process, with the same words; null: workers see by themselves that the sweep
            is cancelled.
        hosts: The hosts, which get processes in turn.
    """

    name: str = "command"
    template: str = ""
    cancel: str | None = None
    hosts: list[str] = field(default_factory=list)

    def check(self, workers: int) -> None:
        """See `RemoteSettings`."""
        if not self.template:
            raise ConfigError(
                "sweep.backend.template= is empty: give the line that starts a worker, such as "
                "sweep.backend.template='ssh {host} {command}'."
            )
        for key, text in (("template", self.template), ("cancel", self.cancel or "")):
            words = _words(key, text)
            if "host" in words and not self.hosts:
                raise ConfigError(f"sweep.backend.{key} names {{host}}: give sweep.backend.hosts=[one,two].")
        if "command" not in _words("template", self.template):
            raise ConfigError(
                f"sweep.backend.template={self.template!r} does not name {{command}}, which is what the worker runs."
            )


def _words(key: str, text: str) -> set[str]:
    """Return the words in braces of a template.

    Raises:
        ConfigError: One is not known, or the braces are not in pairs.
    """
    try:
        words = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError as error:
        raise ConfigError(f"sweep.backend.{key}={text!r}: {error}. A brace of its own is written twice.") from error
    for word in sorted(words - set(_WORDS)):
        raise ConfigError(f"sweep.backend.{key}: {{{word}}} is not known. {nearest(word, _WORDS)}")
    return words


class CommandBackend:
    """Starts workers by a command of the user's own; see `Backend`.

    Args:
        settings: Its settings.
    """

    def __init__(self, settings: CommandSettings) -> None:
        self._settings = settings

    def start(self, submission: Submission) -> list[str]:
        """See `Backend`. A line that fails at once is told with its output."""
        lines = list(self._lines(self._settings.template, submission))
        logs = [_log(submission, index) for index in range(len(lines))]
        processes = [_started(line, log, submission.directory) for line, log in zip(lines, logs, strict=True)]
        ends = time.monotonic() + _WAIT_SECONDS
        while time.monotonic() < ends and any(process.poll() is None for process in processes):
            time.sleep(_GLANCE)
        for line, log, process in zip(lines, logs, processes, strict=True):
            if process.poll():
                raise RunError(_failure(line, log, process.returncode))
        return lines

    def cancel(self, submission: Submission) -> str:
        """See `Backend`. Workers have been asked to stop; the template `cancel` ends those that have not started."""
        if self._settings.cancel is None:
            return ""
        lines = list(self._lines(self._settings.cancel, submission))
        for line in lines:
            subprocess.run(["sh", "-c", line], cwd=submission.directory, check=False, stdin=subprocess.DEVNULL)
        return f"ran {lines[0]}" if len(lines) == 1 else f"ran {lines[0]} and {len(lines) - 1} more"

    def count(self, submission: Submission) -> Mapping[str, int] | None:
        """See `Backend`. No command is known that tells."""
        return None

    def logs(self, submission: Submission) -> str:
        """See `Backend`."""
        return str(submission.path.with_suffix(".*.log"))

    def _lines(self, template: str, submission: Submission) -> Iterator[str]:
        settings = self._settings
        for index, workers in enumerate(submission.groups()):
            command = f"cd {shlex.quote(submission.directory)} && exec {shlex.join(submission.command(workers))}"
            yield template.format(
                command=shlex.quote(command),
                host=shlex.quote(settings.hosts[index % len(settings.hosts)]) if settings.hosts else "",
                name=f"{submission.name}-{index}",
                index=index,
                workers=workers,
                cpus=workers * settings.cpus,
                gpus=workers * settings.gpus,
                folder=shlex.quote(submission.folder),
                directory=shlex.quote(submission.directory),
            )


def _log(submission: Submission, index: int) -> Path:
    return Path(submission.folder) / SUBMISSIONS / f"{submission.number:04}.{index:04}.log"


def _started(line: str, log: Path, directory: str) -> "subprocess.Popen[bytes]":
    """Start a line, which goes on when this process has ended."""
    with log.open("wb") as output:
        return subprocess.Popen(
            ["sh", "-c", line],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _failure(line: str, log: Path, code: int) -> str:
    """Say that a line has failed, with the last lines of its output."""
    output = read_text(log, _LONGEST).splitlines()[-_LAST_LINES:]
    said = "".join(f"\n  {printable(text)}" for text in output)
    return f"a worker could not be started: this command ended with exit code {code}.\n  {line}{said}"
