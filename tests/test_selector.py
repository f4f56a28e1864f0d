"""Words for releases: what they take, that they take nothing else, and what is told of those that are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version
from pydantic_core import PydanticCustomError

from asrcompat.spec.selector import selector

TORCH = ["1.13.1", "2.0.0", "2.0.1", "2.1.0", "2.1.2", "2.2.0", "2.10.0", "2.11.0"]
TEXTS = [
    ("2.1.0", ["2.1.0"]),
    ("2.0", ["2.0.0"]),
    ("3.0", []),
    ("lowest", ["1.13.1"]),
    ("newest", ["2.11.0"]),
    ("newest 3", ["2.2.0", "2.10.0", "2.11.0"]),
    ("newest 99", TORCH),
    ("newest 3 minors", ["2.2.0", "2.10.0", "2.11.0"]),
    ("newest 5 minors", ["2.0.1", "2.1.2", "2.2.0", "2.10.0", "2.11.0"]),
    ("newest 1 minor", ["2.11.0"]),
    ("2 between", ["2.0.1", "2.2.0"]),
    ("1 between", ["2.1.2"]),
    ("99 between", TORCH[1:-1]),
    ("lowest, newest, 2 between", ["1.13.1", "2.0.1", "2.2.0", "2.11.0"]),
    (">=2.1,<2.10", ["2.1.0", "2.1.2", "2.2.0"]),
    (">=2.1, lowest", ["2.1.0"]),
    ("newest,<2.2", ["2.1.2"]),
    ("lowest, 2.1.2, !=1.13.1", ["2.0.0", "2.1.2"]),
    (">=9", []),
]


@pytest.mark.parametrize(("text", "taken"), TEXTS, ids=[text for text, _ in TEXTS])
def test_a_selector_takes_what_it_says(text: str, taken: list[str]) -> None:
    assert selector(text).select(TORCH) == tuple(taken)


@pytest.mark.parametrize("text", ["newest", "lowest", "3 between", "newest 2 minors", ">=2"])
def test_of_no_releases_none_is_taken(text: str) -> None:
    assert selector(text).select([]) == ()


@given(
    st.sets(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 5)), min_size=1),
    st.integers(1, 9),
)
def test_between_is_between_even_and_as_many_as_asked_for(versions: set[tuple[int, int, int]], count: int) -> None:
    releases = [".".join(map(str, one)) for one in sorted(versions)]
    taken = selector(f"{count} between").select(releases)
    assert len(taken) == min(count, max(0, len(releases) - 2))
    places = [releases.index(one) for one in taken]
    steps = [later - earlier for earlier, later in zip([0, *places], [*places, len(releases) - 1], strict=True)]
    assert all(step > 0 for step in steps) or not taken
    assert max(steps[1:-1], default=1) - min(steps[1:-1], default=1) <= 1


@given(st.lists(st.sampled_from([text for text, _ in TEXTS]), min_size=1, max_size=3))
def test_what_is_taken_is_in_order_and_once(texts: list[str]) -> None:
    taken = selector(", ".join(texts)).select(TORCH)
    assert sorted(set(taken), key=Version) == list(taken)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("newst", "'newst' says nothing of releases"),
        ("newest 0", "'newest 0' says nothing of releases"),
        ("", "a part of '' is empty"),
        ("lowest,,newest", "a part of 'lowest,,newest' is empty"),
        (">=new", "'>=new' are no bounds"),
    ],
)
def test_what_is_no_selector_is_told_with_a_remedy(text: str, says: str) -> None:
    with pytest.raises(PydanticCustomError) as raised:
        selector(text)
    assert says in str(raised.value)
