"""A miniature package index on loopback, with tiny wheels, that can be made to fail: for tests around the packages."""

from __future__ import annotations

import base64
import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Trouble = Literal["none", "500", "cut", "gone", "hangs"]


def wheel(name: str, version: str, *, requires: tuple[str, ...] = (), body: str = "", module: str = "") -> bytes:
    """The bytes of a pure-Python wheel with one module, which has the distribution's name unless given."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    module = module or name.replace("-", "_")
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    metadata += [f"Requires-Dist: {requirement}" for requirement in requires]
    files = {
        f"{module}.py": body or f"__version__ = {version!r}\n",
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: miniature\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record.append(f"{path},sha256={digest},{len(text.encode())}")
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]) + "\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
    return buffer.getvalue()


class MiniatureIndex:
    """What is served, and what is wrong with it: `pages` and `files` fail apart from one another."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.pages_trouble: Trouble = "none"
        self.files_trouble: Trouble = "none"
        self.url = ""
        self.files_last = False  # whether files are said to stay the same, as PyPI says of its own
        self.asked: list[str] = []
        self.let_go = threading.Event()  # what "hangs" hangs until then

    def answer(self, path: str) -> tuple[int, bytes]:
        """Status and body for a path."""
        if path.startswith("/simple/"):
            project = path.removeprefix("/simple/").strip("/")
            names = [name for name in self.files if name.split("-")[0].replace("_", "-") == project]
            if not names:
                return 404, b"not found"
            links = "".join(
                f'<a href="/files/{name}#sha256={hashlib.sha256(self.files[name]).hexdigest()}">{name}</a>\n'
                for name in names
            )
            return 200, f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
        name = path.removeprefix("/files/")
        return (200, self.files[name]) if name in self.files else (404, b"not found")


@contextmanager
def serving(*wheels: tuple[str, str, tuple[str, ...]]) -> Iterator[MiniatureIndex]:
    """Serve wheels given as (name, version, requirements)."""
    index = MiniatureIndex(
        {
            f"{name.replace('-', '_')}-{version}-py3-none-any.whl": wheel(name, version, requires=requires)
            for name, version, requires in wheels
        }
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.asked.append(self.path)
            trouble = index.pages_trouble if self.path.startswith("/simple/") else index.files_trouble
            if trouble == "hangs":
                index.let_go.wait(60)
            if trouble in ("gone", "hangs"):
                self.connection.close()
                return
            status, body = (500, b"trouble") if trouble == "500" else index.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if self.path.startswith("/simple/") else "application/zip")
            if index.files_last and not self.path.startswith("/simple/"):
                self.send_header("Cache-Control", "max-age=365000000, immutable, public")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body[: len(body) // 2] if trouble == "cut" else body)

        do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    index.url = f"http://127.0.0.1:{server.server_port}/simple/"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield index
    finally:
        index.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()
