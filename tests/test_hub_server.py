"""The loopback hub's protocol, asked over real sockets, without a client's help or manners."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psutil
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from asrcompat.errors import HarnessError
from asrcompat.hub.catalogue import read_catalogue
from asrcompat.hub.server import Hub

BIG = bytes(range(256)) * 40
CONFIG = b'{"model_type": "wav2vec2"}\n'
SECRET = b"not for anybody"
PULL_REQUEST = {
    "number": 1,
    "title": "Adding `safetensors` variant of this model",
    "author": "SFconvertbot",
    "created": "2023-07-01T00:00:00.000Z",
}


def write_hub(root: Path) -> Path:
    """Two small repositories, one without an organisation, and a file beside them that nobody may read."""
    model = root / "org" / "model"
    (model / "main" / "sub" / "deep").mkdir(parents=True)
    (model / "refs%2Fpr%2F1").mkdir()
    (model / "main" / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (model / "main" / "config.json").write_bytes(CONFIG)
    (model / "main" / "weights.bin").write_bytes(BIG)
    (model / "main" / "sub" / "deep" / "note.txt").write_text("note")
    (model / "refs%2Fpr%2F1" / "model.safetensors").write_bytes(b"safe")
    (model / "repository.json").write_text(
        json.dumps({"created": "2021-07-01T00:00:00.000Z", "pull_requests": [PULL_REQUEST]})
    )
    plain = root / "plain"
    (plain / "main").mkdir(parents=True)
    (plain / "main" / "config.json").write_text("{}")
    (plain / "repository.json").write_text('{"created": "2020-01-01T00:00:00.000Z", "pull_requests": []}')
    (root / "secret.txt").write_bytes(SECRET)
    return root


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Asker:
    """Sends paths as they are."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.host, self.port = urlsplit(hub.endpoint).hostname or "", urlsplit(hub.endpoint).port

    def __call__(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.putrequest(method, path, skip_host="Host" in named, skip_accept_encoding=True)
            for name, value in named.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(
                status=response.status,
                headers={name.lower(): value for name, value in response.getheaders()},
                body=response.read(),
            )
        finally:
            connection.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hub(tmp_path_factory.mktemp("hub"))


@pytest.fixture(scope="module")
def ask(root: Path) -> Iterator[Asker]:
    with Hub(root) as hub:
        yield Asker(hub)


def blob(content: bytes) -> str:
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()  # noqa: S324 - git's own naming


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_small_file_comes_with_gits_hash_and_the_commit(ask: Asker, root: Path, method: str) -> None:
    answer = ask(method, "/org/model/resolve/main/config.json")
    assert answer.status == 200
    assert answer.body == (CONFIG if method == "GET" else b"")
    assert answer.headers["etag"] == f'"{blob(CONFIG)}"'
    assert answer.headers["content-length"] == str(len(CONFIG))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-repo-commit"] == read_catalogue(root)["org/model"].revisions["main"].commit


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_large_file_redirects_to_its_content(ask: Asker, method: str) -> None:
    answer = ask(method, "/org/model/resolve/main/weights.bin")
    sha256 = hashlib.sha256(BIG).hexdigest()
    assert answer.status == 302
    assert answer.headers["x-linked-etag"] == f'"{sha256}"'
    assert answer.headers["x-linked-size"] == str(len(BIG))
    location = urlsplit(answer.headers["location"])
    # absolute, or older clients follow it in a HEAD and lose these headers
    assert f"{location.scheme}://{location.netloc}" == ask.hub.endpoint
    content = ask(method, location.path)
    assert content.status == 200
    assert content.body == (BIG if method == "GET" else b"")
    # the same again, for newer clients, which do follow
    assert content.headers["etag"] == f'"{sha256}"'
    assert content.headers["content-length"] == content.headers["x-linked-size"] == str(len(BIG))
    assert content.headers["x-repo-commit"] == answer.headers["x-repo-commit"]


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [("bytes=10-19", 206, BIG[10:20]), ("bytes=-5", 206, BIG[-5:]), ("bytes=10000-", 206, BIG[10000:])],
)
def test_ranges(ask: Asker, asked: str, status: int, part: bytes) -> None:
    location = urlsplit(ask("HEAD", "/org/model/resolve/main/weights.bin").headers["location"]).path
    answer = ask("GET", location, Range=asked)
    assert (answer.status, answer.body) == (status, part)
    assert answer.headers["content-range"].endswith(f"/{len(BIG)}")
    assert ask("GET", location, Range="bytes=99999999-").status == 416


def test_a_missing_file_tells_the_commit(ask: Asker) -> None:
    answer = ask("HEAD", "/org/model/resolve/main/preprocessor_config.json")
    assert (answer.status, answer.headers["x-error-code"]) == (404, "EntryNotFound")
    assert len(answer.headers["x-repo-commit"]) == 40


def test_missing_revisions_and_repositories(ask: Asker) -> None:
    answer = ask("HEAD", "/org/model/resolve/other/config.json")
    assert (answer.status, answer.headers["x-error-code"]) == (404, "RevisionNotFound")
    for path in ("/org/none/resolve/main/config.json", "/none/resolve/main/config.json", "/api/models/org/none"):
        answer = ask("GET", path)
        assert (answer.status, answer.headers["x-error-code"]) == (401, "RepoNotFound")
    assert ask("GET", "/api/datasets/org/model").status == 401
    assert ask("GET", "/api/anything").status == 404
    assert ask("GET", "/").status == 404


def test_a_repository_without_organisation(ask: Asker) -> None:
    assert ask("GET", "/plain/resolve/main/config.json").body == b"{}"
    assert ask("GET", "/api/models/plain/revision/main").json["id"] == "plain"


def test_a_revision_by_commit_and_a_pull_request_either_way(ask: Asker) -> None:
    commit = ask("HEAD", "/org/model/resolve/main/config.json").headers["x-repo-commit"]
    assert ask("GET", f"/org/model/resolve/{commit}/config.json").body == CONFIG
    for reference in ("refs%2Fpr%2F1", "refs/pr/1"):
        assert ask("GET", f"/org/model/resolve/{reference}/model.safetensors").body == b"safe"
        assert ask("GET", f"/org/model/resolve/{reference}/config.json").body == CONFIG
    assert ask("GET", "/org/model/resolve/main/model.safetensors").status == 404


def test_the_model_interface(ask: Asker, root: Path) -> None:
    revision = read_catalogue(root)["org/model"].revisions["main"]
    model = ask("GET", "/api/models/org/model").json
    assert model["sha"] == revision.commit
    assert [sibling["rfilename"] for sibling in model["siblings"]] == sorted(revision.entries)
    assert model == ask("GET", "/api/models/org/model/revision/main").json
    sizes = {item["rfilename"]: item for item in ask("GET", "/api/models/org/model?blobs=true").json["siblings"]}
    assert sizes["weights.bin"]["lfs"]["sha256"] == hashlib.sha256(BIG).hexdigest()
    assert sizes["config.json"]["size"] == len(CONFIG)
    assert ask("GET", "/api/models/org/model/revision/none").headers["x-error-code"] == "RevisionNotFound"


def test_trees(ask: Asker) -> None:
    def paths(path: str) -> set[str]:
        return {item["path"] for item in ask("GET", f"/api/models/org/model/tree/{path}").json}

    assert paths("main") == {".gitattributes", "config.json", "weights.bin", "sub"}
    assert paths("main?recursive=True") == paths("main") | {"sub/deep", "sub/deep/note.txt"}
    assert paths("main/sub/deep") == {"sub/deep/note.txt"}
    assert paths("refs%2Fpr%2F1") == paths("main") | {"model.safetensors"}
    assert ask("GET", "/api/models/org/model/tree/main/none").headers["x-error-code"] == "EntryNotFound"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"paths=config.json&paths=sub&paths=none&expand=False"),
        ("application/json", b'{"paths": ["config.json", "sub", "none"]}'),
    ],
)
def test_path_infos(ask: Asker, kind: str, body: bytes) -> None:
    answer = ask("POST", "/api/models/org/model/paths-info/main", body, Content_Type=kind)
    assert [(item["type"], item["path"]) for item in answer.json] == [("file", "config.json"), ("directory", "sub")]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"paths": 1}', b"\xff"])
def test_nonsense_for_path_infos(ask: Asker, body: bytes) -> None:
    assert ask("POST", "/api/models/org/model/paths-info/main", body, Content_Type="application/json").status == 400


def test_the_pull_request_is_what_transformers_looks_for(ask: Asker) -> None:
    page = ask("GET", "/api/models/org/model/discussions?p=0").json
    (request,) = page["discussions"]
    assert (
        request["num"],
        request["title"],
        request["author"]["name"],
        request["status"],
        request["isPullRequest"],
    ) == (
        1,
        PULL_REQUEST["title"],
        "SFconvertbot",
        "open",
        True,
    )
    assert page["start"] + len(page["discussions"]) == page["count"]
    head, parent = ask("GET", "/api/models/org/model/commits/refs%2Fpr%2F1").json
    (main,) = ask("GET", "/api/models/org/model/commits/main").json
    assert parent["id"] == main["id"] != head["id"]
    assert ask("GET", "/api/models/org/model/refs?include_prs=1").json["pullRequests"][0]["targetCommit"] == head["id"]


@pytest.mark.parametrize(
    "path",
    [
        "/org/model/resolve/main/../../../secret.txt",
        "/org/model/resolve/main/%2e%2e/%2e%2e/%2e%2e/secret.txt",
        "/org/model/resolve/main/..%2f..%2f..%2fsecret.txt",
        "/org/model/resolve/main/..%5c..%5csecret.txt",
        "/org/model/resolve/main//../secret.txt",
        "/org/model/resolve/..%2F..%2Fsecret.txt/config.json",
        "/org/model/resolve/refs/pr/../../../../secret.txt",
        "/org/model/resolve/main/config.json%00.txt",
        "/../secret.txt",
        "/secret.txt",
        "/_content/../secret.txt",
        "/_content/%2e%2e/secret.txt",
        "/org/model/resolve/main/%252e%252e/secret.txt",
        "/org/..%2f/resolve/main/secret.txt",
        "/org/model/repository.json",
        "/api/models/org/model/tree/main/..",
    ],
)
def test_no_path_leads_out(ask: Asker, path: str) -> None:
    answer = ask("GET", path)
    assert answer.status in {400, 401, 404}
    assert SECRET not in answer.body
    assert "location" not in answer.headers


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["..", ".", "%2e%2e", "%2f", "%5c", "", "main", "org", "model", "resolve", "secret.txt"]),
            st.text(max_size=6).map(lambda text: quote(text, safe="")),
        ),
        max_size=8,
    )
)
@example(["%0A", "%2f"])
def test_any_path_is_answered_and_gives_nothing_away(ask: Asker, segments: list[str]) -> None:
    answer = ask("GET", "/" + "/".join(segments))
    if answer.status == HTTPStatus.TEMPORARY_REDIRECT:  # to itself, without the slash at the end
        place = urlsplit(answer.headers["location"])
        assert (place.hostname, place.path.endswith("/")) == ("127.0.0.1", False)
        answer = ask("GET", place.path)
    assert answer.status in {400, 401, 404} or segments[-1:] == ["config.json"]
    assert SECRET not in answer.body


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize(
    "path",
    [
        "/org/model/resolve/main/config.json",
        "/api/models/org/model/commit/main",
        "/api/models/org/model/preupload/main",
        "/api/repos/create",
        "/org/model.git/info/lfs/objects/batch",
    ],
)
def test_writes_are_refused(ask: Asker, root: Path, method: str, path: str) -> None:
    before = {entry: entry.read_bytes() for entry in root.rglob("*") if entry.is_file()}
    assert ask(method, path, b"{}", Content_Type="application/json").status == 405
    assert before == {entry: entry.read_bytes() for entry in root.rglob("*") if entry.is_file()}


def test_it_listens_on_loopback_only(ask: Asker) -> None:
    listening = {
        connection.laddr.ip
        for connection in psutil.Process().net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == ask.port
    }
    assert listening == {"127.0.0.1"}


def test_a_page_in_a_browser_gets_nothing(ask: Asker) -> None:
    assert ask("GET", "/org/model/resolve/main/config.json", Host="evil.example").status == 400


def test_requests_are_recorded(root: Path) -> None:
    with Hub(root) as hub:
        ask = Asker(hub)
        ask("GET", "/org/model/resolve/main/config.json")
        ask("HEAD", "/org/model/resolve/main/none")
        assert hub.requests == [
            ("GET", "/org/model/resolve/main/config.json", 200),
            ("HEAD", "/org/model/resolve/main/none", 404),
        ]
    with pytest.raises(ConnectionRefusedError):
        ask("GET", "/")


def test_two_hubs_at_once(root: Path) -> None:
    with Hub(root) as first, Hub(root) as second:
        assert first.endpoint != second.endpoint
        assert Asker(first)("GET", "/api/models/plain").json == Asker(second)("GET", "/api/models/plain").json


def test_a_commit_follows_from_the_content(root: Path, tmp_path: Path) -> None:
    other = write_hub(tmp_path)
    mine, same = read_catalogue(root)["org/model"], read_catalogue(other)["org/model"]
    assert {name: revision.commit for name, revision in mine.revisions.items()} == {
        name: revision.commit for name, revision in same.revisions.items()
    }
    (other / "org/model/main/preprocessor_config.json").write_text("{}")
    changed = read_catalogue(other)["org/model"]
    assert changed.revisions["main"].commit != mine.revisions["main"].commit
    with Hub(other) as hub:
        assert Asker(hub)("GET", "/org/model/resolve/main/preprocessor_config.json").body == b"{}"


def test_a_link_that_leads_out_is_not_served(tmp_path: Path) -> None:
    root = write_hub(tmp_path)
    (root / "org/model/main/link.txt").symlink_to(root / "secret.txt")
    assert "link.txt" not in read_catalogue(root)["org/model"].revisions["main"].entries


def test_a_folder_without_repositories_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"no repository"):
        Hub(tmp_path).__enter__()
    (tmp_path / "name").mkdir()
    (tmp_path / "name" / "repository.json").write_text("{")
    with pytest.raises(HarnessError, match=r"repository\.json"):
        Hub(tmp_path).__enter__()
    (tmp_path / "name" / "repository.json").write_text('{"created": "2020", "pull_requests": []}')
    with pytest.raises(HarnessError, match="no folder 'main'"):
        Hub(tmp_path).__enter__()
