"""What a person pastes: it runs as it stands, and asks for what their index has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from factories import make_environment

from asrcompat.explain.remedies.snippets import snippets
from asrcompat.lab.change import Change
from asrcompat.model import Environment

MODEL = "owner/model"


def pasted(change: Change, tmp_path: Path, worked: Environment, base: Environment) -> str:
    (found,) = snippets([change], worked, base=base, model=MODEL, hub=tmp_path)
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
    worked = make_environment(packages={"torch": "2.8.0+cpu", "torchaudio": "2.8.0+cpu", after: "0.4.17"})
    base = make_environment(packages={before: "0.4.17"})
    assert pasted(Change(kind="axis", value=value), tmp_path, worked, base) == text


OVERRIDDEN = "numpy<1.24, in place of what packages ask for"


@pytest.mark.parametrize(
    ("value", "pins", "base", "text"),
    [
        ("s3prl=0.4.17", ("setuptools<81",), {}, "pip install s3prl==0.4.17 'setuptools<81'\n"),
        ("s3prl=0.4.17", ("setuptools<81",), {"pins": ("setuptools<81",)}, "pip install s3prl==0.4.17\n"),
        ("s3prl=0.4.17", (), {"lock": None}, "pip install torch==2.8.0 s3prl==0.4.17\n"),
        (
            "python=3.10",
            ("setuptools<81",),
            {"pins": ("setuptools<81",)},
            "# in a new environment of Python 3.10\npip install torch==2.8.0 s3prl==0.4.17 'setuptools<81'\n",
        ),
        (
            "s3prl=0.4.17",
            ("setuptools<81", OVERRIDDEN),
            {"pins": (OVERRIDDEN,)},
            (
                "pip install uv\ncat > overrides.txt <<'END'\nnumpy<1.24\nEND\n"
                "cat > requirements.txt <<'END'\ntorch==2.8.0\ns3prl==0.4.17\nsetuptools<81\nEND\n"
                "uv pip install --override overrides.txt -r requirements.txt\n"
            ),
        ),
    ],
    ids=["a bound comes along", "and was there", "nothing was installed", "another Python", "overridden as installed"],
)
def test_what_came_along_is_asked_for_too(
    value: str, pins: tuple[str, ...], base: Mapping[str, Any], text: str, tmp_path: Path
) -> None:
    packages = {"torch": "2.8.0", "s3prl": "0.4.17"}
    worked = make_environment(packages=packages, pins=pins)
    before = make_environment(**{"packages": {**packages, "s3prl": "0.4.16"}, "pins": (), **base})
    assert pasted(Change(kind="axis", value=value), tmp_path, worked, before) == text


def test_what_a_bound_moved_is_named_since_pip_would_leave_it_where_it_is(tmp_path: Path) -> None:
    worked = make_environment(packages={"torch": "2.8.0+cpu", "transformers": "4.57.6"})
    before = make_environment(packages={"torch": "2.8.0", "transformers": "5.24.0"})
    text = pasted(Change(kind="pin", value="huggingface-hub<1"), tmp_path, worked, before)
    assert text == "pip install 'huggingface-hub<1' transformers==4.57.6\n"


def test_nothing_is_uninstalled_where_a_new_environment_is_made(tmp_path: Path) -> None:
    worked = make_environment(packages={"espnet-s3prl": "2026.1"}, pins=())
    before = make_environment(packages={"s3prl": "0.4.18"})
    changes = [Change(kind="replace", value="s3prl -> espnet-s3prl newest"), Change(kind="axis", value="python=3.10")]
    (found,) = snippets(changes, worked, base=before, model=MODEL, hub=tmp_path)
    assert found["text"] == "# in a new environment of Python 3.10\npip install espnet-s3prl==2026.1\n"


def test_a_copy_of_ones_own_is_not_downloaded(tmp_path: Path) -> None:
    change = Change(kind="file", value="config.json:layerdrop=0.0")
    environment = make_environment()
    texts = {
        own: snippets([change], environment, base=environment, model=MODEL, hub=tmp_path, own_copy=own)[0]["text"]
        for own in (True, False)
    }
    assert {own: "a copy of your own" in text for own, text in texts.items()} == {True: True, False: False}


def test_a_file_of_another_revision_is_fetched_from_there_with_names_that_are_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the laboratory took it: the repository's own one, though wav2vec2-base has one too."""
    huggingface_hub = pytest.importorskip("huggingface_hub")
    for folder in ("owner/model/refs%2Fpr%2F7", "facebook/wav2vec2-base/main"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "preprocessor_config.json").write_text("{}", encoding="utf-8")
    asked: list[object] = []
    environment = make_environment()
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(tmp_path))
    monkeypatch.setattr(
        huggingface_hub, "hf_hub_download", lambda *names, revision, local_dir: asked.append((*names, revision))
    )
    exec(pasted(Change(kind="file", value="preprocessor_config.json"), tmp_path, environment, environment), {})  # noqa: S102 - as a person would
    assert asked == [(MODEL, "preprocessor_config.json", "refs/pr/7")]
