"""`train -m sweep/backend=...`: starts workers elsewhere, and returns at once."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from convboard.config.command_line import assignment, command, printable
from convboard.errors import RunError
from convboard.experiment.console import counted, shown_path
from convboard.sweeps.backends.known import backend_of
from convboard.sweeps.backends.settings import RemoteSettings
from convboard.sweeps.store.stop_requests import count_stops
from convboard.sweeps.store.submissions import note_started, submit
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.sweep_options import SweepOptions

_MOST_SHOWN = 4  # names of what was started


def submit_workers(sweep: Sweep, options: SweepOptions, arguments: Sequence[str], console: Console) -> None:
    """Start workers of a sweep elsewhere, and say how to follow them.

    Args:
        sweep: The sweep.
        options: The keys of this command, with a backend that is not this machine's pool, and the number of workers.
        arguments: The arguments of this command.
        console: Where to.

    Raises:
        RunError: The backend refuses.
        OSError: The folder of the sweep cannot be written.
    """
    settings = options.backend
    assert isinstance(settings, RemoteSettings)
    assert options.workers is not None
    submission = submit(sweep, asdict(settings), options.workers, count_stops(sweep.folder))
    backend = backend_of(settings)
    folder = shown_path(sweep.folder)
    keys = [shlex.quote(argument) for argument in arguments if argument.startswith(("sweep/backend", "sweep.backend."))]
    join = command("train", "-m", assignment("sweep.join", folder), *keys)
    try:
        started = backend.start(submission)
    except RunError as error:
        again = f"{join} sweep.workers={options.workers}"
        raise RunError(f"{error}\nThe sweep itself is written. To start workers of it: {again}") from error
    note_started(submission, started)
    processes = len(submission.groups())
    console.print(
        f"workers:    {counted(options.workers, 'worker')} by {settings.name}, in {counted(processes, 'job')}"
    )
    for name in started[:_MOST_SHOWN]:
        console.print(f"started:    {printable(name)}")
    if (more := len(started) - _MOST_SHOWN) > 0:
        console.print(f"            and {more:,} more")
    console.print(f"logs:       {printable(shown_path(Path(backend.logs(submission))))}")
    console.print(f"watch:      {printable(command('train', '-m', assignment('sweep.watch', folder)))}")
    console.print(f"more:       {printable(join)} sweep.workers=1")
    console.print(f"stop:       {printable(command('train', '-m', assignment('sweep.cancel', folder)))}")
