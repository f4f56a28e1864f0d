"""Refuse the network, at once and on the record, to everything but this machine's loopback.

Two fences. An audit hook stops Python's own sockets with `NetworkRefused`; libraries that bring their own
(libcurl, Rust) meet proxy settings that point at a closed port, which the harness puts into the environment.
A failure whose chain of exceptions holds a refusal says nothing about the packages: the harness calls it `error`.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from typing import Any, Callable, Tuple
from urllib.parse import urlsplit

from .record import chain

MARKER = "asrcompat refused the network"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class NetworkRefused(OSError):
    """Raised in the package under test where it reached for the network."""

    def __init__(self, target: str) -> None:
        super().__init__(errno.ECONNREFUSED, "%s: %s" % (MARKER, target))


def refused(error: BaseException) -> bool:
    """Whether a refusal of ours is among what `error` wraps (as exception, or quoted in another's message)."""
    return any(isinstance(link, NetworkRefused) or MARKER in str(link) for link in chain(error))


def install(on_attempt: Callable[[str], None]) -> None:
    """Refuse from now on, in this process and its forks; `on_attempt` gets each target. Cannot be undone."""
    proxy = urlsplit(os.environ.get("https_proxy", ""))
    dead_proxy = (proxy.hostname, proxy.port)
    busy = threading.local()  # `on_attempt` may itself touch audited calls

    def refuse(target: str) -> None:
        if not getattr(busy, "now", False):
            busy.now = True
            try:
                on_attempt(target)
            finally:
                busy.now = False
        raise NetworkRefused(target)

    def hook(event: str, arguments: Tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.sendto"):
            address = arguments[1]
            if not isinstance(address, tuple) or not isinstance(address[0], str):
                return  # a local socket's file name
            if (address[0], address[1]) == dead_proxy:
                refuse("a remote host, by way of the proxy settings")
            if address[0] not in _LOOPBACK:
                refuse("%s:%s" % (address[0], address[1]))
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            host = arguments[0]
            host = host.decode("ascii", "replace") if isinstance(host, bytes) else host
            if host and host not in _LOOPBACK:
                refuse(str(host))

    sys.addaudithook(hook)
