"""No token reaches a result, a log or a screen."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from factories import make_environment, make_environment_result

from asrcompat.run.progress import Progress
from asrcompat.run.scrub import Scrubber
from asrcompat.run.secrets import MASK, without_secrets
from asrcompat.run.store import Store

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEF0123"
# put together here: what looks like a token in a repository sets off alarms
TOKENS = [
    "hf" + "_" + LETTERS[:34],
    "gh" + "p_" + LETTERS,
    "github" + "_pat_" + LETTERS,
    "py" + "pi-Ag" + LETTERS,
    "gl" + "pat-" + LETTERS,
    "s" + "k-" + LETTERS,
    "AK" + "IA" + "ABCDEFGHIJKLMNOP",
    "ey" + f"J{LETTERS}.{LETTERS}.{LETTERS}",
]


@pytest.mark.parametrize("token", TOKENS)
def test_tokens_are_known_by_their_form(token: str) -> None:
    assert without_secrets(f"401 for token={token}, said the hub") == f"401 for token={MASK}, said the hub"
    assert Scrubber({}).data({"tried": [f"'{token}'"]}) == {"tried": [f"'{MASK}'"]}
    assert token.encode() not in Scrubber({}).log(f"{token}\n".encode())


@pytest.mark.parametrize(
    "name", ["HF_TOKEN", "MY_SECRET", "UV_INDEX_PRIVATE_PASSWORD", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY"]
)
def test_what_a_variable_of_a_telling_name_holds_is_a_secret(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "correct horse")
    assert without_secrets("it is correct horse.") == f"it is {MASK}."
    for anybodys in ("cpu", "wav2vec2", "transformers", "/home/someone/.token", "12345678"):
        monkeypatch.setenv(name, anybodys)
        assert without_secrets(f"on {anybodys}.") == f"on {anybodys}."


@pytest.mark.parametrize("name", ["TOKENIZER_NAME", "TOKENIZERS_PARALLELISM", "KEYBOARD", "PASSWORDLESS"])
def test_a_name_that_only_begins_like_a_secret_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "Wav2Vec2-Tok!")
    assert without_secrets("a Wav2Vec2-Tok!") == "a Wav2Vec2-Tok!"


def test_who_asks_an_index_is_nobodys_business() -> None:
    assert without_secrets("https://u:p@ss@host/x") == f"https://{MASK}@host/x"
    assert without_secrets("GET https://x/y?token=abcdefgh&z=1") == f"GET https://x/y?token={MASK}&z=1"
    told = without_secrets("Failed to fetch `https://someone:s3cret@index.example.org/simple/torch/`")
    assert told == f"Failed to fetch `https://{MASK}@index.example.org/simple/torch/`"
    assert (
        without_secrets('headers: {"Authorization": "Bearer abcdefgh"}')
        == f'headers: {{"Authorization": "Bearer {MASK}"}}'
    )


@pytest.mark.parametrize(
    "text",
    [
        "https://pypi.org/simple/torch@2",
        "git+https://github.com/s3prl/s3prl@v0.4.15",
        "hf_hub_download and hf_transfer",
        "hf_Wav2Vec2ForSequenceClassification",
        "https://huggingface.co/api/models?token_type=x&search=key",
        "tokenizers==0.19.1",
        "the token <s> of the tokenizer",
        "sha256:" + "a" * 64,
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text


def test_a_long_log_without_lines_takes_no_longer_than_its_length() -> None:
    flood = (b"x" * 2_000_000) + b"://" + (b"y" * 2_000_000)
    started = time.monotonic()
    assert Scrubber({"work": Path("/somewhere")}).log(flood) == flood
    assert time.monotonic() - started < 5


def test_published_locks_and_progress_hold_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ASRCOMPAT_RELAY", raising=False)
    environment = make_environment()
    store = Store(tmp_path, "synthetic-base")
    store.write(make_environment_result(environment), lock="--extra-index-url https://me:word@example.org\n")
    assert store.lock(environment) == f"--extra-index-url https://{MASK}@example.org\n"
    Progress().tell(f"uv said: {TOKENS[0]}")
    assert f"uv said: {MASK}" in capsys.readouterr().out
