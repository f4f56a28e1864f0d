"""What a search holds of the disk, and whose cache it uses."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import comes

from asrcompat.run import footprint
from asrcompat.run.footprint import Footprint, cache_of_its_own, held

MB = 1_000_000


def write(file: Path, megabytes: int) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x" * megabytes * MB)
    return file


def test_a_file_counts_once_and_not_where_somebody_else_has_it_too(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "lab", tmp_path / "cache"
    assert held(ours) == 0
    cached = write(ours / "uv-cache" / "torch", 3)
    (ours / "envs").mkdir()
    (ours / "envs" / "torch").hardlink_to(cached)
    (ours / "envs" / "python").symlink_to(write(theirs / "python", 9))
    (ours / "envs" / "s3prl").hardlink_to(write(theirs / "s3prl", 5))
    assert held(ours) == pytest.approx(3 * MB, abs=0.1 * MB)
    shutil.rmtree(theirs)
    assert held(ours) == pytest.approx(8 * MB, abs=0.1 * MB)


def test_what_goes_while_it_is_looked_at_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a" / "file", 1)
    real = os.scandir

    def scandir(path: str) -> contextlib.AbstractContextManager[Iterator[os.DirEntry[str]]]:
        entries = list(real(path))
        (tmp_path / "a" / "file").unlink()
        return contextlib.nullcontext(iter(entries))

    monkeypatch.setattr(os, "scandir", scandir)
    assert held(tmp_path / "a") == 0


def test_the_cache_is_the_searchs_own_while_it_lasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for before in (None, "elsewhere"):
        monkeypatch.delenv("UV_CACHE_DIR", raising=False)
        if before is not None:
            monkeypatch.setenv("UV_CACHE_DIR", before)
        with cache_of_its_own(None):
            assert os.environ.get("UV_CACHE_DIR") == before
        with contextlib.suppress(KeyError), cache_of_its_own(tmp_path):
            assert os.environ["UV_CACHE_DIR"] == str(tmp_path)
            raise KeyError
        assert os.environ.get("UV_CACHE_DIR") == before


def test_the_worst_moment_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "_SECONDS", 0.001)
    with Footprint(tmp_path) as taken:
        large = write(tmp_path / "large", 7)
        assert comes(lambda: taken._most >= 7 * MB), "nobody asks meanwhile"
        large.unlink()
        assert taken.used == 0.0
        assert taken.peak == pytest.approx(0.007, abs=0.0001)
