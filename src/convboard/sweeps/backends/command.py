"""Workers that a command of the user's starts, one line for each: `ssh`, `kubectl`, `bsub` or any other."""

import os
import shlex
import signal
import string
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from convboard.config.command_line import assignment, command, printable
from convboard.errors import ConfigError, RunError, nearest
from convboard.sweeps.backends.settings import RemoteSettings
from convboard.sweeps.store.liveness import Observer
from convboard.sweeps.store.submissions import SUBMISSIONS, Submission
from convboard.sweeps.store.sweep_folder import WORKERS

# The words in braces, each with a value by which a template is checked.
_WORDS: Mapping[str, str | int] = {
    **dict.fromkeys(("host", "name", "folder", "directory"), "text"),
    **dict.fromkeys(("index", "workers", "cpus", "gpus"), 1),
    "command": "a  'b'",
}
_WAIT_SECONDS = 5.0  # in which a line that is wrong has usually failed
_CANCEL_SECONDS = 30.0  # that the lines which end workers may take
_GLANCE = 0.1  # seconds
_LAST_LINES = 5  # of the output of a line that has failed
_LAST_BYTES = 2000


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

    def __post_init__(self) -> None:
        super().__post_init__()
        for host in self.hosts:
            if not isinstance(host, str) or not host.strip():
                raise ConfigError(f"sweep.backend.hosts: {host!r} is no name of a host. Give hosts=[one,two].")

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
        _refuse_quotes(self.template)


def _words(key: str, text: str) -> set[str]:
    """Return the words in braces of a template.

    Raises:
        ConfigError: One is not known, or the braces are not in pairs.
    """
    own = "A brace of its own is written twice, as in {{ and }}."
    try:
        words = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError as error:
        raise ConfigError(f"sweep.backend.{key}={text!r}: {error}. {own}") from error
    for word in sorted(words - set(_WORDS)):
        raise ConfigError(f"sweep.backend.{key}: {{{word}}} is not known. {nearest(word, list(_WORDS))} {own}")
    try:
        text.format(**_WORDS)
    except (ValueError, LookupError) as error:  # what follows a colon or an exclamation mark
        raise ConfigError(f"sweep.backend.{key}={text!r}: {error}. {own}") from error
    return words


def _refuse_quotes(template: str) -> None:
    """Refuse a template with {command} in quotes: they would end where those of the command begin.

    Raises:
        ConfigError: It has.
    """
    meant = str(_WORDS["command"])
    try:
        words = shlex.split(template.format(**{**_WORDS, "command": shlex.quote(meant)}))
    except ValueError:  # the shell tells what is wrong
        return
    if not any(meant in word for word in words):
        raise ConfigError(
            f"sweep.backend.template={template!r}: {{command}} is in quotes. Omit them: it is one word for the shell "
            "without them."
        )


class CommandBackend:
    """Starts workers by a command of the user's own; see `Backend`.

    Args:
        settings: Its settings.
        wait_seconds: For how long `start` waits for what is wrong, at most.
    """

    def __init__(self, settings: CommandSettings, wait_seconds: float = _WAIT_SECONDS) -> None:
        self._settings, self._wait_seconds = settings, wait_seconds

    def start(self, submission: Submission) -> list[str]:
        """See `Backend`. Waits until all workers have signed on, or a line has failed, for some seconds at most.

        A line may end before its worker does, as those do that leave it to a scheduler.
        """
        lines = _start_all(self._lines(self._settings.template, submission), submission, "log")
        observer = Observer(Path(submission.folder) / WORKERS)
        _wait(lines, self._wait_seconds, lambda: _signed_on(observer, submission) >= len(lines))
        failed = [line for line in lines if line.failed()]
        if failed:
            raise RunError(_failures("a worker could not be started", failed, len(lines)) + _rest(submission, failed))
        return [line.text for line in lines]

    def cancel(self, submission: Submission) -> str:
        """See `Backend`. Workers have been asked to stop; the template `cancel` ends those that have not started."""
        if self._settings.cancel is None:
            return ""
        lines = _start_all(self._lines(self._settings.cancel, submission), submission, "cancel.log")
        _wait(lines, _CANCEL_SECONDS)
        failed = [line for line in lines if line.failed()]
        if failed:
            raise RunError(_failures("a worker could not be cancelled", failed, len(lines)))
        return f"ran {lines[0].text}" + (f" and {len(lines) - 1} more" if len(lines) > 1 else "")

    def count(self, submission: Submission) -> Mapping[str, int] | None:
        """See `Backend`. No command is known that tells."""
        return None

    def logs(self, submission: Submission) -> str:
        """See `Backend`."""
        return str(submission.path.with_suffix(".*.log"))

    def _lines(self, template: str, submission: Submission) -> Iterator[str]:
        settings = self._settings
        for index, workers in enumerate(submission.groups()):
            run = f"cd {shlex.quote(submission.directory)} && exec {shlex.join(submission.command(workers))}"
            yield template.format(
                command=shlex.quote(run),
                host=shlex.quote(settings.hosts[index % len(settings.hosts)]) if settings.hosts else "",
                name=f"{submission.name}-{index}",
                index=index,
                workers=workers,
                cpus=workers * settings.cpus,
                gpus=workers * settings.gpus,
                folder=shlex.quote(submission.folder),
                directory=shlex.quote(submission.directory),
            )


@dataclass
class _Line:
    """A line that was started.

    Attributes:
        text: The line.
        log: The file with its output.
        process: Its process, which goes on when this one has ended.
    """

    text: str
    log: Path
    process: "subprocess.Popen[bytes]"

    def failed(self) -> bool:
        return bool(self.process.poll())

    def end(self) -> str:
        """How it has ended, and its last output."""
        code = self.process.returncode
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        with self.log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LAST_BYTES))
            output = file.read().decode(errors="replace").splitlines()[-_LAST_LINES:]
        return f"this command {how}.\n  {printable(self.text)}" + "".join(f"\n  {printable(line)}" for line in output)


def _start_all(lines: Iterator[str], submission: Submission, suffix: str) -> list[_Line]:
    """Start lines for the shell, each with a file for its output."""
    started = []
    for index, text in enumerate(lines):
        log = Path(submission.folder) / SUBMISSIONS / f"{submission.number:04}.{index:04}.{suffix}"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["sh", "-c", text],
                cwd=submission.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(_Line(text, log, process))
    return started


def _wait(lines: list[_Line], seconds: float, is_done: Callable[[], bool] = lambda: False) -> None:
    """Wait until all lines have ended, one has failed, or something is done; so many seconds at most."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and any(line.process.poll() is None for line in lines):
        if any(line.failed() for line in lines) or is_done():
            break
        time.sleep(_GLANCE)
    for line in lines:
        if line.process.poll() is None:
            line.process.returncode = 0  # it goes on, of which Python would warn


def _signed_on(observer: Observer, submission: Submission) -> int:
    """Return how many processes of a submission have described themselves in the folder of workers."""
    paths = (Path(submission.folder) / WORKERS).glob("*.json")
    found = (observer.worker(path.stem) for path in paths)
    return sum(worker is not None and worker.submission == submission.number for worker in found)


def _failures(what: str, failed: list[_Line], lines: int) -> str:
    """Say that lines have failed; the first one is shown."""
    several = f" ({len(failed)} of {lines} commands have failed)" if lines > 1 else ""
    return f"{what}{several}: {failed[0].end()}"


def _rest(submission: Submission, failed: list[_Line]) -> str:
    """Say what has become of the other workers, and what to do."""
    folder = assignment("sweep.cancel", submission.folder)
    others = len(submission.groups()) - len(failed)
    if not others:
        return ""
    return f"\nThe other {others} may run. To end them: {command('train', '-m', folder)}"
