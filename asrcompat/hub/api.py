"""The hub's JSON interface, as far as downloads ask for it: models, trees, commits, references, pull requests.

Transformers asks for the last three when it loads a ``.bin`` checkpoint: it looks for the pull request in
which the hub's bot offers the same weights as safetensors, and asks a service on the internet for one where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from asrcompat.hub.catalogue import Entry, PullRequest, Repository, Revision

if TYPE_CHECKING:
    from starlette.requests import Request

Json = dict[str, Any]


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
        return no_repository() if rest[:1] in (["models"], ["datasets"], ["spaces"]) else refusal(404, None, "Not Found")
    repository, question = found
    match question:
        case []:
            return _of_revision(repository, "main", lambda revision: _model(repository, revision, query))
        case ["revision", name]:
            return _of_revision(repository, name, lambda revision: _model(repository, revision, query))
        case ["tree", name, *folders]:
            return _tree(repository, name, "/".join(folders), query)
        case ["commits", name]:
            return _of_revision(repository, name, _commits)
        case ["refs"]:
            return JSONResponse(_references(repository))
        case ["discussions"]:
            items = [_discussion(repository, request) for request in repository.pull_requests]
            # One page holds them all; clients stop when start + items reaches count.
            page = items if query.get("p", "0") == "0" else []
            return JSONResponse({"discussions": page, "count": len(items), "start": len(items) - len(page)})
        case _:
            return refusal(404, None, "Not Found")


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
        lambda revision: [_file(revision.entries[path]) for path in wanted if path in revision.entries]
        + [_folder(path, revision) for path in wanted if path in revision.folders()],
    )


async def _wanted_paths(request: Request) -> list[str] | None:
    # Clients differ: form data without a multipart body (which the standard library can parse), or JSON.
    from json import JSONDecodeError
    from urllib.parse import parse_qs

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


def _of_revision(repository: Repository, name: str, form: Any) -> JSONResponse:
    revision = repository.revision(name)
    return JSONResponse(form(revision)) if revision else no_revision(name)


def _model(repository: Repository, revision: Revision, query: Mapping[str, str]) -> Json:
    details = query.get("blobs", "").lower() in {"true", "1"}
    siblings = [
        {"rfilename": entry.name, **({"size": entry.size, "blobId": entry.blob} | _lfs(entry) if details else {})}
        for entry in revision.entries.values()
    ]
    return {
        "_id": revision.commit[:24],
        "id": repository.name,
        "modelId": repository.name,
        "author": repository.name.rpartition("/")[0] or None,
        "sha": revision.commit,
        "lastModified": revision.created,
        "createdAt": repository.created,
        "private": False,
        "gated": False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "library_name": "transformers",
        "tags": ["transformers", "wav2vec2"],
        "siblings": siblings,
    }


def _lfs(entry: Entry) -> Json:
    if not entry.large:
        return {}
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{entry.sha256}\nsize {entry.size}\n"
    keys = {"oid": entry.sha256, "sha256": entry.sha256, "size": entry.size, "pointerSize": len(pointer)}
    return {"lfs": keys}


def _file(entry: Entry) -> Json:
    return {"type": "file", "oid": entry.blob, "size": entry.size, "path": entry.name} | _lfs(entry)


def _folder(path: str, revision: Revision) -> Json:
    return {"type": "directory", "oid": revision.commit, "size": 0, "path": path}


def _tree(repository: Repository, name: str, folder: str, query: Mapping[str, str]) -> JSONResponse:
    revision = repository.revision(name)
    if revision is None:
        return no_revision(name)
    if folder and folder not in revision.folders():
        return refusal(404, "EntryNotFound", f"{folder} does not exist on {name!r}", commit=revision.commit)
    below = f"{folder}/" if folder else ""
    recursive = query.get("recursive", "").lower() in {"true", "1"}
    nodes = [_folder(path, revision) for path in sorted(revision.folders())]
    nodes += [_file(entry) for entry in revision.entries.values()]
    inside = [node for node in nodes if node["path"].startswith(below)]
    return JSONResponse([node for node in inside if recursive or "/" not in node["path"][len(below) :]])


def _commits(revision: Revision) -> list[Json]:
    return [
        {
            "id": commit.commit,
            "title": commit.title,
            "message": "",
            "authors": [{"user": commit.author, "avatar": ""}],
            "date": commit.created,
        }
        for commit in (revision, *revision.parents)
    ]


def _references(repository: Repository) -> Json:
    def told(revision: Revision, ref: str) -> Json:
        return {"name": revision.name, "ref": ref, "targetCommit": revision.commit}

    branches = [told(revision, f"refs/heads/{name}") for name, revision in repository.revisions.items() if "/" not in name]
    requests = [told(repository.revisions[item.reference], item.reference) for item in repository.pull_requests]
    return {"branches": branches, "converts": [], "tags": [], "pullRequests": requests}


def _discussion(repository: Repository, request: PullRequest) -> Json:
    return {
        "num": request.number,
        "title": request.title,
        "author": {"name": request.author, "type": "user"},
        "status": "open",
        "isPullRequest": True,
        "createdAt": request.created,
        "repo": {"name": repository.name, "type": "model"},
        "repoOwner": {"name": repository.name.rpartition("/")[0], "type": "user"},
    }
