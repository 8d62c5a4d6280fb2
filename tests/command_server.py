"""Runs commands in processes forked from this one, which has their slow imports behind it.

Its standard input is a socket (SOCK_SEQPACKET), and each message on it is a command: a JSON object with `arguments`
(the script first), `folder` and `environment`, and with four file descriptors: the command's stdin, stdout and stderr,
and a pipe that is told the command's process id and, at the end, its exit code (or minus the signal that ended it).
The server ends when the socket closes.

A fork has no threads but the one that forked. So nothing here may compute with tensors: the commands would wait for
ever for torch's threads.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn

SLOW_IMPORTS = (
    "convboard.cli.train",
    "convboard.experiment.run",
    "hydra.main",
    "rich.progress",
    "tensorboard.plugins.hparams.summary_v2",
    "torch._dynamo",
    "torchvision.datasets",
)


def main() -> NoReturn:
    """Start what is asked for, until nobody can ask any more."""
    for module in SLOW_IMPORTS:
        importlib.import_module(module)
    gc.freeze()  # a collection in a command would touch, and so copy, all memory that it shares with this process
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits here for those who watch over a command
    requests = socket.socket(fileno=os.dup(0))
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, 1 << 20, 4)
        if not message:
            os._exit(0)  # as in `become`
        if os.fork() == 0:
            requests.close()
            watch_over(json.loads(message), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def watch_over(request: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Start the command, wait for its end, and tell of it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, report = descriptors
    command = os.fork()
    if command == 0:
        os.setsid()
        os.write(report, f"{os.getpid()}\n".encode())
        os.close(report)
        become(request, streams)
    for stream in (0, *streams):
        os.close(stream)
    _, status = os.waitpid(command, 0)
    os.write(report, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def become(request: dict[str, Any], streams: list[int]) -> NoReturn:
    """Make of this process what `python script arguments...` would be, and run it."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the tests may run where it is ignored
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = request["arguments"]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]
    code: Any = 1
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code or 0
        if not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        traceback.print_exc()
    # What the interpreter does at its end, except to take all modules apart, which takes longer than most commands.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
