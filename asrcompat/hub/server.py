"""The hub's server: one thread, one loopback socket, a port that the system picks.

It is started around a run of probes and stopped after it, so nothing outlives the harness. The socket is bound
before the thread starts, so that `Hub.endpoint` is known, and refused to nobody, when ``with`` returns.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Self

import uvicorn

from asrcompat.errors import HarnessError
from asrcompat.hub.catalogue import read_catalogue
from asrcompat.hub.protocol import application

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


class Hub:
    """A read-only Hugging Face Hub on loopback, serving the repositories below `root`.

    The folder is read when the ``with`` block is entered. `requests` lists what was asked: method, path, status.
    """

    def __init__(self, root: Path) -> None:
        """Serve the repositories in the folder `root` (see `asrcompat.hub.catalogue` for its layout)."""
        self.root = root
        self.endpoint = ""
        self.requests: list[tuple[str, str, int]] = []
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Start serving; `endpoint` is the address from here on."""
        repositories = read_catalogue(self.root)
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            application(repositories, self._record),
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, args=(listener,), name="hub", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self._stop()
                message = "the loopback hub did not start; run again, and report this if it stays"
                raise HarnessError(message)
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving and free the port."""
        self._stop()

    def _serve(self, listener: socket.socket) -> None:
        with listener:
            if self._server is not None:
                self._server.run(sockets=[listener])

    def _stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)

    def _record(self, method: str, path: str, status: int) -> None:
        self.requests.append((method, path, status))
