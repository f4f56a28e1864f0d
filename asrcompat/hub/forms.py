"""The JSON forms of the hub's interface, made from the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asrcompat.hub.catalogue import Entry, PullRequest, Repository, Revision

Json = dict[str, Any]


def model(repository: Repository, revision: Revision, query: Mapping[str, str]) -> Json:
    """A model and its files; with ``blobs`` asked for, their sizes and hashes."""
    details = query.get("blobs", "").lower() in {"true", "1"}
    siblings = [
        {"rfilename": entry.name, **({"size": entry.size, "blobId": entry.blob} | lfs(entry) if details else {})}
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


def lfs(entry: Entry) -> Json:
    """What git stores of a large file, by the names that older and newer clients read."""
    if not entry.large:
        return {}
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{entry.sha256}\nsize {entry.size}\n"
    keys = {"oid": entry.sha256, "sha256": entry.sha256, "size": entry.size, "pointerSize": len(pointer)}
    return {"lfs": keys}


def file(entry: Entry) -> Json:
    """A file in a tree."""
    return {"type": "file", "oid": entry.blob, "size": entry.size, "path": entry.name} | lfs(entry)


def folder(path: str, revision: Revision) -> Json:
    """A folder in a tree."""
    return {"type": "directory", "oid": revision.commit, "size": 0, "path": path}


def commits(revision: Revision) -> list[Json]:
    """A revision's history, newest first."""
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


def references(repository: Repository) -> Json:
    """Branches and pull requests."""

    def told(revision: Revision, ref: str) -> Json:
        return {"name": revision.name, "ref": ref, "targetCommit": revision.commit}

    branches = [
        told(revision, f"refs/heads/{name}") for name, revision in repository.revisions.items() if "/" not in name
    ]
    requests = [told(repository.revisions[item.reference], item.reference) for item in repository.pull_requests]
    return {"branches": branches, "converts": [], "tags": [], "pullRequests": requests}


def discussion(repository: Repository, request: PullRequest) -> Json:
    """A pull request, in the list of discussions."""
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
