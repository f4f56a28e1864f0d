"""What a hub serves: repositories, revisions and entries, as found in a folder.

A hub's root holds one folder per repository, under the repository's full name, with

- ``repository.json``: dates and pull requests (its presence is what makes a folder a repository),
- ``<revision>/``: the files of a revision; the name is percent-encoded, so the files of ``refs/pr/1`` lie in
  ``refs%2Fpr%2F1``. A pull request's folder holds only what it adds to ``main``.

The folder is read once, into a closed table. Requests are looked up in that table and never joined to a path, so
there is no path to escape from.

Identities are git's: a small file's is its blob hash, a large one's the SHA-256 that LFS uses, a revision's a hash
of all its entries. Equal content has an equal commit, on every machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

from asrcompat.errors import HarnessError

DESCRIPTOR = "repository.json"
MAIN = "main"

# The real hub refuses to keep larger files in plain git.
_LARGE = 10 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file of a revision. `blob` is git's hash of what git stores: the content, or the LFS pointer to it."""

    name: str
    path: Path
    size: int
    sha256: str
    blob: str
    large: bool

    @property
    def etag(self) -> str:
        """What identifies the content to a client, without quotation marks."""
        return self.sha256 if self.large else self.blob


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A revision's entries by name; `parents` are the commits before it, newest first."""

    name: str
    commit: str
    title: str
    author: str
    created: str
    entries: Mapping[str, Entry]
    parents: tuple[Revision, ...] = ()

    def folders(self) -> set[str]:
        """The names of all folders that hold entries."""
        parents = (parent for name in self.entries for parent in PurePosixPath(name).parents)
        return {str(parent) for parent in parents} - {"."}


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """An open pull request: its number, and who asks for what."""

    number: int
    title: str
    author: str
    created: str

    @property
    def reference(self) -> str:
        """The revision that holds its files."""
        return f"refs/pr/{self.number}"


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A model repository with its revisions by name."""

    name: str
    created: str
    revisions: Mapping[str, Revision]
    pull_requests: tuple[PullRequest, ...] = field(default=())

    def revision(self, name: str) -> Revision | None:
        """The revision of this branch, reference or commit."""
        by_commit = {revision.commit: revision for revision in self.revisions.values()}
        return self.revisions.get(name) or by_commit.get(name)


def revision_folder(revision: str) -> str:
    """The folder name of a revision."""
    return quote(revision, safe="")


def read_catalogue(root: Path) -> dict[str, Repository]:
    """All repositories below `root`, by name: ``name`` or ``organisation/name``."""
    descriptors = sorted([*root.glob(f"*/{DESCRIPTOR}"), *root.glob(f"*/*/{DESCRIPTOR}")])
    if not descriptors:
        message = f"{root}: no repository here (a repository is a folder with {DESCRIPTOR})"
        raise HarnessError(message)
    repositories = [_read_repository(root, path) for path in descriptors]
    return {repository.name: repository for repository in repositories}


def _read_repository(root: Path, descriptor: Path) -> Repository:
    folder = descriptor.parent
    try:
        data: dict[str, Any] = json.loads(descriptor.read_text(encoding="utf-8"))
        created = str(data["created"])
        requests = {request.reference: request for request in (PullRequest(**item) for item in data["pull_requests"])}
    except (ValueError, KeyError, TypeError) as error:
        message = f"{descriptor}: not a repository's description: {error}"
        raise HarnessError(message) from error
    if not (folder / MAIN).is_dir():
        message = f"{folder}: no folder {MAIN!r}, which holds the main revision's files"
        raise HarnessError(message)
    main = _revision(MAIN, _read_entries(folder / MAIN), title="initial commit", author="asrcompat", created=created)
    revisions = {MAIN: main}
    for path in sorted(path for path in folder.iterdir() if path.is_dir() and path.name != MAIN):
        name = unquote(path.name)
        request = requests.get(name)
        revisions[name] = _revision(
            name,
            {**main.entries, **_read_entries(path, attributes=folder / MAIN)},
            title=request.title if request else name,
            author=request.author if request else "asrcompat",
            created=request.created if request else created,
            parents=(main,),
        )
    served = tuple(request for reference, request in requests.items() if reference in revisions)
    return Repository(
        name=folder.relative_to(root).as_posix(), created=created, revisions=revisions, pull_requests=served
    )


def _read_entries(folder: Path, *, attributes: Path | None = None) -> dict[str, Entry]:
    patterns = _large_patterns(attributes or folder)
    base = folder.resolve()
    found = {}
    for path in sorted(folder.rglob("*")):
        # A link that leads out of the folder is not content of the repository.
        if path.is_file() and path.resolve().is_relative_to(base):
            name = path.relative_to(folder).as_posix()
            found[name] = _read_entry(name, path, patterns)
    return found


def _large_patterns(folder: Path) -> list[str]:
    try:
        lines = (folder / ".gitattributes").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [line.split()[0] for line in lines if "filter=lfs" in line.split()[1:]]


def _read_entry(name: str, path: Path, patterns: list[str]) -> Entry:
    size = path.stat().st_size
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    large = size >= _LARGE or any(fnmatch(path.name, pattern) for pattern in patterns)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
    return Entry(
        name=name,
        path=path,
        size=size,
        sha256=sha256,
        blob=_git_hash("blob", pointer if large else path.read_bytes()),
        large=large,
    )


def _revision(
    name: str, entries: dict[str, Entry], *, title: str, author: str, created: str, parents: tuple[Revision, ...] = ()
) -> Revision:
    lines = [f"{entry.blob} {entry.name}" for _, entry in sorted(entries.items())]
    lines += [f"parent {parent.commit}" for parent in parents]
    commit = _git_hash("commit", "\n".join([*lines, title]).encode())
    return Revision(
        name=name, commit=commit, title=title, author=author, created=created, entries=entries, parents=parents
    )


def _git_hash(kind: str, content: bytes) -> str:
    # SHA-1 because git names its objects by it; nothing here relies on it for security.
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()
