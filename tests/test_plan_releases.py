"""What an index says of a package's releases, for every Python at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from miniature import serving
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag

from asrcompat.errors import HarnessError
from asrcompat.plan.releases import File, PackageIndex, Release, for_python


def release(version: str, *, python: str = "", tags: tuple[str, ...] = (), yanked: bool = False) -> Release:
    found = frozenset(Tag(*tag.split("-")) for tag in tags)
    file = File(requires_python=SpecifierSet(python), tags=found, size=None)
    return Release(version=version, files=(file,), yanked=yanked, uploaded=None)


def test_releases_come_in_the_order_of_versions(tmp_path: Path) -> None:
    with serving(*(("tiny", version, ()) for version in ("1.10", "1.9", "1.9.post1", "2.0rc1"))) as index:
        found = PackageIndex(index.url, tmp_path).releases("tiny")
    assert [one.version for one in found] == ["1.9", "1.9.post1", "1.10", "2.0rc1"]
    assert [one.version for one in for_python(found, "3.10")] == ["1.9", "1.9.post1", "1.10"]


@pytest.mark.parametrize(
    ("one", "fits"),
    [
        (release("1"), True),
        (release("1", python=">=3.12"), False),
        (release("1", python="<3.11"), True),
        (release("1", tags=("py3-none-any",)), True),
        (release("1", tags=("cp311-cp311-manylinux2014_x86_64",)), False),
        (release("1", tags=("cp310-cp310-win_amd64",)), False),
        (release("1", yanked=True), False),
        (release("1.dev0"), False),
    ],
)
def test_what_an_interpreter_can_install(one: Release, fits: bool) -> None:
    assert bool(for_python([one], "3.10.13")) is fits


def test_yanked_and_pre_releases_are_had_on_request() -> None:
    assert for_python([release("1", yanked=True)], "3.10", yanked=True)
    assert for_python([release("1rc1")], "3.10", prereleases=True)


def test_an_index_that_does_not_answer_or_know_is_named(tmp_path: Path) -> None:
    with serving(("tiny", "1.0", ())) as index:
        with pytest.raises(HarnessError, match="no package 'other'"):
            PackageIndex(index.url, tmp_path).releases("other")
        index.pages_trouble = "500"
        with pytest.raises(HarnessError, match="gave no list of 'tiny'"):
            PackageIndex(index.url, tmp_path).releases("tiny")
