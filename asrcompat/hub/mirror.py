"""Fetch the real repositories, for ``--weights hub``.

Their files go into the layout that the loopback hub serves, so that probes load the real weights by the real name
and still reach no network. The folder's name holds the real commits: an unchanged repository is fetched once. Of
the repository that only lends its preprocessor, nothing else is fetched.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from asrcompat.errors import HarnessError
from asrcompat.hub.catalogue import DESCRIPTOR, MAIN, revision_folder
from asrcompat.hub.folders import building
from asrcompat.hub.repositories import SAFETENSORS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENDPOINT = "https://huggingface.co"

# Its preprocessor is S3PRL's fallback.
_LENDER = "facebook/wav2vec2-base"
_LENT = ("config.json", "preprocessor_config.json")
_BOT = "SFconvertbot"
_TIMEOUT = 30.0

# The client's errors derive from those of its HTTP library, whose name depends on the client's version.
_UNREACHABLE = tuple(kind for kind in HfHubHTTPError.__mro__ if issubclass(kind, Exception) and kind is not Exception)


@dataclass(frozen=True, kw_only=True)
class _Source:
    """A repository to fetch: what is wanted of its main revision, and its description for the loopback hub."""

    name: str
    commit: str
    files: tuple[str, ...]
    description: dict[str, Any]


def mirror(*, model: str, endpoint: str = ENDPOINT, work: Path) -> Path:
    """The root folder of a hub with the real repository of `model`, fetched from `endpoint` unless it is there."""
    # Public files: no token of this machine's user is sent.
    api = HfApi(endpoint=endpoint, token=False)
    with _reaching(model, endpoint):
        sources = (_describe(api, model), _describe(api, _LENDER, only=_LENT))
    commits = "".join(source.commit for source in sources)
    root = work / f"hub-hub-{hashlib.sha256(commits.encode()).hexdigest()[:16]}"
    if not root.is_dir():
        with building(root) as partial, _reaching(model, endpoint):
            for source in sources:
                _fetch(api, source, partial / source.name)
    return root


@contextlib.contextmanager
def _reaching(model: str, endpoint: str) -> Iterator[None]:
    try:
        yield
    except _UNREACHABLE as error:
        message = (
            f"cannot fetch {model} from {endpoint}: {type(error).__name__}: {str(error).strip() or 'no answer'}\n"
            "Check the network and the name, or use --weights synthetic-base, which needs no hub."
        )
        raise HarnessError(message) from error


def _describe(api: HfApi, name: str, *, only: tuple[str, ...] = ()) -> _Source:
    info = api.model_info(name, timeout=_TIMEOUT)
    names = sorted(sibling.rfilename for sibling in info.siblings or ())
    commit = info.sha or MAIN
    description = {
        "created": _written(info.created_at or datetime.fromtimestamp(0, UTC)),
        "pull_requests": [] if only else _pull_requests(api, name, commit),
        "source": {"endpoint": api.endpoint, "commit": commit},
    }
    files = tuple(file for file in names if not only or file in only)
    return _Source(name=name, commit=commit, files=files, description=description)


def _pull_requests(api: HfApi, name: str, commit: str) -> list[dict[str, Any]]:
    """The bot's open pull requests, as far as Transformers regards them: made on top of the newest commit."""
    found = []
    for request in api.get_repo_discussions(
        name, author=_BOT, discussion_type="pull_request", discussion_status="open"
    ):
        commits = api.list_repo_commits(name, revision=request.git_reference)
        if request.author == _BOT and [item.commit_id for item in commits[1:2]] == [commit]:
            created = _written(request.created_at)
            found.append({"number": request.num, "title": request.title, "author": request.author, "created": created})
    return found


def _written(time: datetime) -> str:
    # The one form that clients read: milliseconds, and Z.
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _fetch(api: HfApi, source: _Source, folder: Path) -> None:
    main = folder / MAIN
    main.mkdir(parents=True)
    for name in source.files:
        api.hf_hub_download(source.name, name, revision=source.commit, local_dir=main)
    revisions = [main]
    for request in source.description["pull_requests"]:
        reference = f"refs/pr/{request['number']}"
        added = folder / revision_folder(reference)
        added.mkdir()
        if api.file_exists(source.name, SAFETENSORS, revision=reference):
            api.hf_hub_download(source.name, SAFETENSORS, revision=reference, local_dir=added)
        revisions.append(added)
    for revision in revisions:
        # The client's notes on its downloads are no files of the repository.
        shutil.rmtree(revision / ".cache", ignore_errors=True)
    (folder / DESCRIPTOR).write_text(json.dumps(source.description, indent=2) + "\n", encoding="utf-8")
