"""What an index offers of what a profile covers: which releases a selector counts, and which Pythons have files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag

from asrcompat.errors import UsageError
from asrcompat.plan.discover import Found, discover
from asrcompat.plan.releases import File, Release
from asrcompat.spec import Covering

NOW = datetime(2026, 11, 25, tzinfo=UTC)
PYTHONS = {"3.10": "3.10.13", "3.12": "3.12.1"}
WISHES: dict[str, Any] = {
    "python": ("3.10", "3.12"),
    "torch": "newest 2",
    "transformers": "newest",
    "s3prl": ("newest",),
    "espnet": "newest",
}


def release(
    version: str, *, python: str = "", tag: str = "py3-none-any", days: int = 100, yanked: bool = False
) -> Release:
    file = File(requires_python=SpecifierSet(python), tags=frozenset({Tag(*tag.split("-"))}), size=1)
    return Release(version=version, files=(file,), yanked=yanked, uploaded=NOW - timedelta(days=days))


INDEX: dict[str, list[Release]] = {
    "torch": [release("2.0.1"), release("2.3.1"), release("2.8.0"), release("2.15.0")],
    "torchaudio": [release("2.0.2"), release("2.3.1"), release("2.8.0")],
    "transformers": [release("4.41.2"), release("5.0.0rc1"), release("5.24.0", days=2)],
    "s3prl": [release("0.4.14"), release("0.4.18")],
    "espnet-s3prl": [release("2026.5.14")],
    "espnet": [release("202511"), release("202611")],
}


def found(index: Mapping[str, Sequence[Release]] = INDEX, *, as_of: str | None = None, **wishes: Any) -> Found:
    covering = Covering(environments=40, **{**WISHES, **wishes})
    return discover(
        covering, PYTHONS, lambda name: index[name], as_of=as_of, now=NOW, where="matrix.toml: profiles.x.cover"
    )


def test_newest_is_the_newest_torch_that_a_torchaudio_goes_with() -> None:
    told = found()
    assert told.axes["torch"] == ("2.3.1", "2.8.0")
    assert told.passed_over["torch"] == {"2.15.0": "there is no torchaudio 2.15.0 to go with it"}


def test_what_goes_with_a_torch_is_not_always_of_its_number() -> None:
    assert found(torch="lowest").axes["torch"] == ("2.0.1",)


def test_pre_releases_and_yanked_ones_are_no_releases() -> None:
    index = {**INDEX, "transformers": [release("4.41.2"), release("5.0.0rc1"), release("5.1.0", yanked=True)]}
    assert found(index).axes["transformers"] == ("4.41.2",)


def test_a_young_release_is_left_alone_and_told() -> None:
    told = found(cool_off_days={"transformers": 3.0})
    assert told.axes["transformers"] == ("4.41.2",)
    assert told.passed_over["transformers"] == {"5.24.0": "it came on 2026-11-23, and is left alone for 3 days"}
    assert found(cool_off_days={"transformers": 1.0}).axes["transformers"] == ("5.24.0",)


def test_as_of_a_day_what_came_later_is_not_there() -> None:
    index = {**INDEX, "transformers": [release("4.41.2", days=500), release("5.24.0", days=2)]}
    assert found(index, as_of="2026-11-20").axes["transformers"] == ("4.41.2",)
    assert found(index, as_of="2026-11-23").axes["transformers"] == ("5.24.0",)  # the day itself counts whole


@pytest.mark.parametrize(
    ("python", "tag", "reason"),
    [
        (">=3.12", "py3-none-any", "espnet 202611 asks for Python >=3.12"),
        ("", "cp312-cp312-manylinux2014_x86_64", "espnet 202611 has no file for Python 3.10 on this platform"),
    ],
)
def test_a_python_without_files_is_banned_with_the_reason(python: str, tag: str, reason: str) -> None:
    index = {**INDEX, "espnet": [release("202611", python=python, tag=tag)]}
    (ban,) = found(index).bans
    assert (ban.choices, ban.reason) == (frozenset({("python", "3.10"), ("espnet", "202611")}), reason)


def test_a_python_without_the_torchaudio_is_banned() -> None:
    index = {**INDEX, "torchaudio": [release("2.3.1", python="<3.12"), release("2.8.0")]}
    (ban,) = found(index).bans
    assert ban.choices == {("python", "3.12"), ("torch", "2.3.1")}
    assert ban.reason == "torchaudio 2.3.1 asks for Python <3.12"


def test_what_no_python_can_install_is_passed_over_before_the_selector_counts() -> None:
    index = {**INDEX, "espnet": [release("202511"), release("202611", python=">=3.14")]}
    told = found(index)
    assert told.axes["espnet"] == ("202511",)
    assert told.passed_over["espnet"] == {"202611": "espnet 202611 asks for Python >=3.14"}


def test_the_two_distributions_of_s3prl_share_an_axis() -> None:
    told = found(s3prl=("0.4.14, newest", "espnet-s3prl newest"))
    assert told.axes["s3prl"] == ("0.4.14", "0.4.18", "espnet-s3prl 2026.5.14")


def test_a_distribution_that_was_not_there_yet_leaves_the_axis_to_the_other() -> None:
    old = {name: [replace(one, uploaded=NOW - timedelta(days=900)) for one in some] for name, some in INDEX.items()}
    index = {**old, "espnet-s3prl": INDEX["espnet-s3prl"]}
    told = found(index, as_of="2026-01-01", s3prl=("newest", "espnet-s3prl newest"))
    assert told.axes["s3prl"] == ("0.4.18",)
    assert told.passed_over["s3prl"] == {"espnet-s3prl newest": "takes none of 0 releases"}


def test_a_selector_that_takes_nothing_is_a_fault_with_its_key() -> None:
    with pytest.raises(
        UsageError, match=r"cover.espnet: '>=300000' takes none of the 2 releases .*\(202511 to 202611\)"
    ):
        found(espnet=">=300000")


def test_a_named_release_that_is_not_there_is_told() -> None:
    index = {**INDEX, "espnet": [*INDEX["espnet"], release("202609", yanked=True), release("202612rc1")]}
    told = found(index, espnet="202511, 202412, 202609, 202612rc1")
    assert told.axes["espnet"] == ("202511",)
    assert told.passed_over["espnet"] == {
        "202412": "the index has no espnet 202412",
        "202609": "espnet 202609 was yanked",
        "202612rc1": "espnet 202612rc1 is a pre-release",
    }


def test_values_that_two_selectors_take_are_there_once_and_in_order() -> None:
    told = found(s3prl=("espnet-s3prl newest", "0.4.18", "newest 2"))
    assert told.axes["s3prl"] == ("0.4.14", "0.4.18", "espnet-s3prl 2026.5.14")
