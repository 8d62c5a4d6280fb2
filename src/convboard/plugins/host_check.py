"""The check of a request's Host header, which keeps pages of other sites from reading the runs.

A page of another site can let its own name point to this machine (DNS rebinding), and then read what is served here as
if it were its own. Its requests carry its name. TensorBoard does not check that, so each plugin does.
"""

import ipaddress
import socket
from typing import Any

from werkzeug.wrappers import Request


def is_known_host(request: Request, flags: Any) -> bool:
    """Return whether the Host header is one by which this TensorBoard is meant to be reached.

    That are addresses, names of the loopback interface, the name of this machine, and what `--host` says. With
    `--bind_all` the server is open to all, under names that are not known here.

    Args:
        request: The request.
        flags: TensorBoard's flags; None: those of a server without any.
    """
    if getattr(flags, "bind_all", False):
        return True
    host = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdecimal() else request.host
    host = host.strip("[]").rstrip(".").lower()
    known = {"localhost", socket.gethostname().lower(), (getattr(flags, "host", None) or "localhost").lower()}
    return host in known or host.endswith(".localhost") or _is_address(host)


def _is_address(host: str) -> bool:
    """Whether a host is an IP address: no name that somebody else could point here."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
