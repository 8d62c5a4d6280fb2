"""Processes that are forked from a warm server: how they are started, and what they do before they call a function."""

import faulthandler
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psutil

from convboard.config.environment_variables import environment_variable
from convboard.errors import ConvboardError

GRACE = 7.0  # seconds in which a process that is asked to stop has to save
DUMP = 0.5  # seconds in which a process that is to be killed prints where it is
_OOM_SCORE = Path("/proc/self/oom_score_adj")  # if memory runs out, Linux kills a trial rather than pool or server
# multiprocessing starts its server by `python -c`, which imports from the current folder before all others.
_NOTHING_FROM_HERE = ("PYTHONSAFEPATH", "1")
_INTERVAL = 1.0  # seconds between two looks at the server
_imported_by = os.getpid()  # the server: it imports this module before it forks


def call_first_to_kill(target: str, environment: Mapping[str, str], *arguments: Any) -> None:
    """Call a function in this process, which shows where it is on SIGQUIT, and goes first if memory runs out.

    Args:
        target: See `call`.
        environment: See `call`.
        arguments: See `call`.
    """
    _show_where_it_is()
    with suppress(OSError):  # there is none on macOS
        _OOM_SCORE.write_text("500")
    call(target, environment, *arguments)


def call(target: str, environment: Mapping[str, str], *arguments: Any) -> None:
    """Call a function in this process, which ends with the pool.

    Args:
        target: The function, as `module:name`.
        environment: The environment variables, since the server has those of its own start.
        arguments: Its arguments.
    """
    os.setpgid(0, 0)  # the pool, not the terminal, says when to stop
    os.environ.clear()
    os.environ.update(environment)
    threading.Thread(target=_end_with_pool, daemon=True, name="end with pool").start()
    _imported(target)(*arguments)


def preload(module: str) -> None:
    """Let the server import a module, and with it all that its processes need, when it is started.

    Args:
        module: Its name. Once the server runs, it changes nothing.
    """
    get_context("forkserver").set_forkserver_preload([__name__, module])


def result_of(target: str, *arguments: Any) -> Any:
    """Call a function in a process of the server, since this one does not import torch, and return what it returns.

    Args:
        target: The function, as `module:name`.
        arguments: Its arguments.

    Raises:
        ConvboardError: The function raised it.
        EOFError: The process has ended without a result.
    """
    process, results = connected(f"{__name__}:_send_result", os.environ.copy(), target, arguments)
    try:
        result = results.recv()
    finally:
        process.join()
        process.close()
        results.close()
    if isinstance(result, ConvboardError):
        raise result
    return result


def end_all() -> None:
    """End the server and its processes at once, as long as none of them runs a trial."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _send_result(target: str, arguments: tuple[Any, ...], results: Connection) -> None:
    try:
        results.send(_imported(target)(*arguments))
    except ConvboardError as error:
        results.send(error)


def _imported(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def _show_where_it_is() -> None:
    """Let this process print the traceback of each thread on stderr, on SIGQUIT and when it crashes.

    This needs neither the interpreter nor its lock, so that it works whatever hangs.
    """
    faulthandler.enable(file=2)
    faulthandler.register(signal.SIGQUIT, file=2)


def _end_with_pool() -> None:
    """Let this process save and end when the pool has ended, or the server it was forked from, by whatever cause."""
    pool = parent_process()
    assert pool is not None
    server = os.getppid() if _imported_by == os.getpid() else _imported_by
    while pool.is_alive() and os.getppid() == server:
        pool.join(_INTERVAL)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os.kill(os.getpid(), signal.SIGQUIT)
    time.sleep(DUMP)
    os.killpg(0, signal.SIGKILL)


def connected(
    target: str,
    environment: Mapping[str, str],
    *arguments: Any,
    run: Callable[..., None] = call,
    duplex: bool = False,
    name: str | None = None,
) -> tuple[BaseProcess, Connection]:
    """Start a process of the server that calls a function with a connection to this process as its last argument.

    Args:
        target: See `call`.
        environment: See `call`.
        arguments: The other arguments of the function.
        run: How it is called: `call` or `call_first_to_kill`.
        duplex: Whether the process also receives.
        name: The name of the process.

    Returns:
        The process, and the end of the connection that belongs here.

    Raises:
        OSError, EOFError: It cannot be started.
    """
    context = get_context("forkserver")
    connection, theirs = context.Pipe(duplex)
    with theirs:
        process = context.Process(target=run, args=(target, environment, *arguments, theirs), name=name)
        start(process)
    return process, connection


def start(process: BaseProcess) -> None:
    """Start a process of the server; if the server has just been killed, of another one.

    Raises:
        OSError, EOFError: It cannot be started.
    """
    for is_last in (False, False, True):
        try:
            with environment_variable(*_NOTHING_FROM_HERE):
                process.start()
            return
        except (ConnectionError, EOFError):
            if is_last:
                raise
