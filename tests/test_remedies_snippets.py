"""What a person pastes: it runs as it stands, and asks for what their index has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from asrcompat.explain.remedies.snippets import snippets
from asrcompat.lab.change import Change

MODEL = "owner/model"


def pasted(change: Change, tmp_path: Path, packages: Mapping[str, str], before: Mapping[str, str]) -> str:
    (found,) = snippets([change], packages, before=before, model=MODEL, hub=tmp_path)
    return found["text"]


@pytest.mark.parametrize(
    ("value", "before", "after", "text"),
    [
        ("torch=2.8.0", "s3prl", "s3prl", "pip install torch==2.8.0 torchaudio==2.8.0\n"),
        ("s3prl=0.4.17", "s3prl", "s3prl", "pip install s3prl==0.4.17\n"),
        ("s3prl=0.4.17", "espnet-s3prl", "s3prl", "pip uninstall -y espnet-s3prl\npip install s3prl==0.4.17\n"),
        (
            "s3prl=espnet-s3prl 0.1",
            "s3prl",
            "espnet-s3prl",
            "pip uninstall -y s3prl\npip install espnet-s3prl==0.4.17\n",
        ),
        (
            "s3prl=espnet-s3prl 0.1",
            "espnet-s3prl",
            "espnet-s3prl",
            "pip install espnet-s3prl==0.4.17\n",
        ),
    ],
)
def test_a_release_is_the_public_one_and_its_twin_goes_first(
    value: str, before: str, after: str, text: str, tmp_path: Path
) -> None:
    packages = {"torch": "2.8.0+cpu", "torchaudio": "2.8.0+cpu", after: "0.4.17"}
    assert pasted(Change(kind="axis", value=value), tmp_path, packages, {before: "0.4.17"}) == text


def test_a_file_of_another_revision_is_fetched_from_there_with_names_that_are_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the laboratory took it: the repository's own one, though wav2vec2-base has one too."""
    huggingface_hub = pytest.importorskip("huggingface_hub")
    for folder in ("owner/model/refs%2Fpr%2F7", "facebook/wav2vec2-base/main"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "preprocessor_config.json").write_text("{}", encoding="utf-8")
    asked: list[object] = []
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(tmp_path))
    monkeypatch.setattr(
        huggingface_hub, "hf_hub_download", lambda *names, revision, local_dir: asked.append((*names, revision))
    )
    exec(pasted(Change(kind="file", value="preprocessor_config.json"), tmp_path, {}, {}), {})  # noqa: S102 - as a person would
    assert asked == [(MODEL, "preprocessor_config.json", "refs/pr/7")]
