"""The Hugging Face Hub's download protocol, read-only, as an ASGI application.

What clients rely on, from huggingface_hub 0.23 to 2.x and Transformers' own downloads before that:

- a file's HEAD and GET carry ``ETag``, ``X-Repo-Commit`` and ``Accept-Ranges``;
- a large file answers with a redirect that carries ``X-Linked-Etag`` and ``X-Linked-Size``. Older clients do not
  follow it in a HEAD and read those headers; clients from 2.x on follow it where it stays on the same origin, as it
  does here, so the content address repeats commit, hash and size;
- a missing file is 404 ``EntryNotFound`` *with* the commit (clients remember its absence by it), an unknown
  revision is 404 ``RevisionNotFound``, an unknown repository 401 for anyone who is not logged in. The real hub
  leaves the error code out of that one; newer clients infer it from the address, but only for https, so it is
  spelled out here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.datastructures import URL
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from asrcompat.hub import api
from asrcompat.hub.catalogue import Repository, Revision

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

Record = Callable[[str, str, int], None]

CONTENT = "_content"
_READING = ("GET", "HEAD")


class _File(FileResponse):
    # The default of 64 KiB makes a thread switch per block: minutes add up over a matrix of checkpoints.
    chunk_size = 1024 * 1024


def application(repositories: Mapping[str, Repository], record: Record) -> ASGIApp:
    """Serve these repositories; every answered request is told to `record` as method, path and status."""

    async def answer(request: Request) -> Response:
        segments = _segments(request)
        if segments is None:
            return api.refusal(400, "BadRequest", "Invalid path")
        if request.method == "POST":
            # The one question that clients ask by POST; everything else would write.
            path_infos = await api.paths_info(repositories, segments, request)
            return path_infos or _read_only()
        if request.method not in _READING:
            return _read_only()
        return _answer(repositories, request, segments)

    methods = [*_READING, "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    inner = Starlette(
        routes=[Route("/{path:path}", answer, methods=methods)],
        # A page in somebody's browser can be made to call loopback under another name; it gets nothing here.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"], www_redirect=False)],
    )
    return _recorded(inner, record)


def _recorded(inner: ASGIApp, record: Record) -> ASGIApp:
    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                record(scope["method"], scope["path"], message["status"])
            await send(message)

        await inner(scope, receive, sent)

    return outer


def _segments(request: Request) -> list[str] | None:
    # Split before decoding: an encoded slash belongs to a name (a revision's), not to the path.
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    segments = [unquote(segment) for segment in raw.decode("ascii", "replace").split("?")[0].split("/")[1:]]
    parts = {part for segment in segments for part in segment.replace("\\", "/").split("/")}
    return None if parts & {"..", "."} or any("\0" in segment for segment in segments) else segments


def _answer(repositories: Mapping[str, Repository], request: Request, segments: Sequence[str]) -> Response:
    match segments:
        case ["api", *rest]:
            return api.answer(repositories, rest, request.query_params)
        case [marker, commit, sha256] if marker == CONTENT:
            return _content(repositories, commit, sha256)
        case [organisation, name, "resolve", *rest]:
            return _resolve(repositories, f"{organisation}/{name}", rest, request)
        case [name, "resolve", *rest]:
            return _resolve(repositories, name, rest, request)
        case _:
            return api.refusal(404, None, "Not Found")


def _resolve(repositories: Mapping[str, Repository], name: str, rest: Sequence[str], request: Request) -> Response:
    repository = repositories.get(name)
    if repository is None:
        return api.no_repository()
    # Transformers' own downloads of old do not encode a reference's slashes.
    length = 3 if list(rest[:2]) == ["refs", "pr"] else 1
    revision = repository.revision("/".join(rest[:length]))
    if revision is None:
        return api.no_revision("/".join(rest[:length]))
    entry = revision.entries.get("/".join(rest[length:]))
    if entry is None:
        return api.refusal(404, "EntryNotFound", "Entry not found", commit=revision.commit)
    if not entry.large:
        return _File(entry.path, headers=_headers(revision, entry.etag), media_type="text/plain; charset=utf-8")
    address = URL(scope=request.scope).replace(path=f"/{CONTENT}/{revision.commit}/{entry.sha256}", query="")
    headers = {
        **_headers(revision, entry.etag),
        "Location": str(address),
        "X-Linked-Etag": f'"{entry.etag}"',
        "X-Linked-Size": str(entry.size),
        "Vary": "Accept",
    }
    return Response(status_code=302, headers=headers)


def _content(repositories: Mapping[str, Repository], commit: str, sha256: str) -> Response:
    for repository in repositories.values():
        revision = repository.revision(commit)
        for entry in revision.entries.values() if revision else ():
            if revision and entry.large and entry.sha256 == sha256:
                linked = {"X-Linked-Etag": f'"{entry.etag}"', "X-Linked-Size": str(entry.size)}
                return _File(entry.path, headers=_headers(revision, entry.etag) | linked)
    return api.refusal(404, None, "Not Found")


def _headers(revision: Revision, etag: str) -> dict[str, str]:
    return {"ETag": f'"{etag}"', "X-Repo-Commit": revision.commit, "Accept-Ranges": "bytes"}


def _read_only() -> JSONResponse:
    return api.refusal(405, None, "This hub is read-only", headers={"Allow": ", ".join(_READING)})
