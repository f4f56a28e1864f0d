"""Messages that differ in measured figures alone become one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asrcompat.report.alike import together


def test_measured_figures_become_their_span() -> None:
    told = [
        ("moves by 1.3 of 1, 49 frames", "a"),
        ("moves by 0.24 of 1, 49 frames", "b"),
        ("moves by 1 of 1.1, 49 frames", "c"),
    ]
    assert together(told) == [("moves by 0.24 to 1.3 of 1 to 1.1, 49 frames", ("a", "b", "c"))]


def test_exponents_and_signs_are_part_of_a_figure() -> None:
    assert together([("2.6e-05", 1), ("-3.5", 2), ("1e-4", 3)]) == [("-3.5 to 1e-4", (1, 2, 3))]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("49 frames", "50 frames"),
        ("[50, 35] reported", "[49, 34] reported"),
        ("torch 2.8.0", "torch 2.3.1"),
        ("s3prl0.4.15 fails", "s3prl0.4.18 fails"),
        ("http://127.0.0.1:40009/x", "http://127.0.0.1:40010/x"),
        ("10/20 passed", "9/20 passed"),
        ("loss 1.5", "no loss"),
    ],
)
def test_what_is_counted_or_named_stays_apart(one: str, other: str) -> None:
    assert together([(one, 1), (other, 2)]) == [(one, (1,)), (other, (2,))]


def test_counts_keep_apart_what_measures_would_join() -> None:
    told = [("4 frames, 1.5 s", 1), ("5 frames, 1.5 s", 2), ("4 frames, 2.5 s", 3)]
    assert together(told) == [("4 frames, 1.5 to 2.5 s", (1, 3)), ("5 frames, 1.5 s", (2,))]


MESSAGES = st.text(st.sampled_from("ab 0123456789.e-+[/:")) | st.text()


@given(st.lists(MESSAGES))
def test_every_teller_is_told_once(messages: list[str]) -> None:
    told = together((message, number) for number, message in enumerate(messages))
    assert sorted(number for _, numbers in told for number in numbers) == list(range(len(messages)))


@given(MESSAGES, st.integers(1, 5))
def test_what_is_the_same_stays_as_it_is(message: str, count: int) -> None:
    assert together((message, number) for number in range(count)) == [(message, tuple(range(count)))]
