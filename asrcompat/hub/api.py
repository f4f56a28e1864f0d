"""The hub's JSON interface, as far as downloads ask for it: models, trees, commits, references, pull requests.

Transformers asks for the last three when it loads a ``.bin`` checkpoint: it looks for the pull request in which the
hub's bot offers the same weights as safetensors, and asks a service on the internet for one where there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.responses import JSONResponse

from asrcompat.hub import forms
from asrcompat.hub.catalogue import MAIN, Repository, Revision

if TYPE_CHECKING:
    from starlette.requests import Request


def refusal(
    status: int, code: str | None, text: str, *, commit: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An error as clients read it: in the headers, and again in the body."""
    told = {"X-Error-Message": text, **({"X-Error-Code": code} if code else {}), **(headers or {})}
    return JSONResponse({"error": text}, status, headers=told | ({"X-Repo-Commit": commit} if commit else {}))


def no_repository() -> JSONResponse:
    """What an anonymous client is told of a repository that does not exist, or that is not for it to see."""
    return refusal(401, "RepoNotFound", "Invalid username or password.")


def no_revision(name: str) -> JSONResponse:
    """A repository without that revision."""
    return refusal(404, "RevisionNotFound", f"Invalid rev id: {name}")


def answer(repositories: Mapping[str, Repository], rest: Sequence[str], query: Mapping[str, str]) -> JSONResponse:
    """Answer a GET of ``/api/<rest>``."""
    found = _find(repositories, rest)
    if found is None:
        missing = rest[:1] in (["models"], ["datasets"], ["spaces"])
        return no_repository() if missing else refusal(404, None, "Not Found")
    repository, question = found
    match question:
        case [] | ["revision", _]:
            name = question[1] if question else MAIN
            return _of_revision(repository, name, lambda revision: forms.model(repository, revision, query))
        case ["tree", name, *folders]:
            return _tree(repository, name, "/".join(folders), query)
        case ["commits", name]:
            return _of_revision(repository, name, forms.commits)
        case ["refs" | "discussions"]:
            whole = forms.references(repository) if question == ["refs"] else _discussions(repository, query)
            return JSONResponse(whole)
        case _:
            return refusal(404, None, "Not Found")


def _discussions(repository: Repository, query: Mapping[str, str]) -> dict[str, Any]:
    items = [forms.discussion(repository, request) for request in repository.pull_requests]
    # One page holds them all; clients stop when start + items reaches count.
    page = items if query.get("p", "0") == "0" else []
    return {"discussions": page, "count": len(items), "start": len(items) - len(page)}


async def paths_info(
    repositories: Mapping[str, Repository], segments: Sequence[str], request: Request
) -> JSONResponse | None:
    """Answer a POST that asks about paths; None for every other POST."""
    found = _find(repositories, segments[1:]) if segments[:1] == ["api"] else None
    if found is None or found[1][:1] != ["paths-info"] or len(found[1]) != 2:  # noqa: PLR2004 - marker and revision
        return None
    wanted = await _wanted_paths(request)
    if wanted is None:
        return refusal(400, "BadRequest", "Expected paths")
    return _of_revision(
        found[0],
        found[1][1],
        lambda revision: (
            [forms.file(revision.entries[path]) for path in wanted if path in revision.entries]
            + [forms.folder(path, revision) for path in wanted if path in revision.folders()]
        ),
    )


async def _wanted_paths(request: Request) -> list[str] | None:
    # Clients differ: form data without a multipart body (which the standard library can parse), or JSON.
    body = await request.body()
    if "json" not in request.headers.get("content-type", ""):
        return parse_qs(body.decode("utf-8", "replace")).get("paths")
    try:
        paths = (await request.json()).get("paths")
    except (JSONDecodeError, AttributeError, UnicodeDecodeError):
        return None
    return [str(path) for path in paths] if isinstance(paths, list) else None


def _find(repositories: Mapping[str, Repository], rest: Sequence[str]) -> tuple[Repository, list[str]] | None:
    if rest[:1] != ["models"]:
        return None
    for length in (2, 1):
        repository = repositories.get("/".join(rest[1 : 1 + length]))
        if repository is not None:
            return repository, list(rest[1 + length :])
    return None


def _of_revision(repository: Repository, name: str, form: Callable[[Revision], Any]) -> JSONResponse:
    revision = repository.revision(name)
    return JSONResponse(form(revision)) if revision else no_revision(name)


def _tree(repository: Repository, name: str, folder: str, query: Mapping[str, str]) -> JSONResponse:
    revision = repository.revision(name)
    if revision is None:
        return no_revision(name)
    if folder and folder not in revision.folders():
        return refusal(404, "EntryNotFound", f"{folder} does not exist on {name!r}", commit=revision.commit)
    below = f"{folder}/" if folder else ""
    recursive = query.get("recursive", "").lower() in {"true", "1"}
    nodes = [forms.folder(path, revision) for path in sorted(revision.folders())]
    nodes += [forms.file(entry) for entry in revision.entries.values()]
    inside = [node for node in nodes if node["path"].startswith(below)]
    return JSONResponse([node for node in inside if recursive or "/" not in node["path"][len(below) :]])
