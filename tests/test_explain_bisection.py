"""A turn in a line of releases is found exactly, in few questions, with holes in the line, and not by a flaky one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asrcompat.explain.bisection.delta import smallest_breaking
from asrcompat.explain.bisection.search import ATTEMPTS, Answer, bisect, outward

GOOD, BAD, SKIP = Answer.GOOD, Answer.BAD, Answer.SKIP


def line_of(answers: list[Answer], flaky: dict[int, Answer] | None = None):  # type: ignore[no-untyped-def]
    """Releases named by their place, and who answers for them; `flaky` ones answer otherwise when asked again."""
    releases = [str(place) for place in range(len(answers))]

    def ask(release: str, attempt: int) -> tuple[Answer, str]:
        place = int(release)
        return (flaky or {}).get(place, answers[place]) if attempt else answers[place], "seen"

    return releases, ask


@st.composite
def turning_lines(draw: st.DrawFn) -> tuple[list[Answer], bool]:
    before = draw(st.lists(st.sampled_from([GOOD, SKIP]), max_size=20))
    after = draw(st.lists(st.sampled_from([BAD, SKIP]), max_size=20))
    line = [GOOD, *before, *after, BAD]
    backwards = draw(st.booleans())
    return line[::-1] if backwards else line, backwards


@given(turning_lines())
def test_the_turn_is_found_or_the_gap_is_named(case: tuple[list[Answer], bool]) -> None:
    answers, backwards = case
    releases, ask = line_of(answers)
    ends = (releases[-1], releases[0]) if backwards else (releases[0], releases[-1])
    found = bisect(releases, good=ends[0], bad=ends[1], ask=ask)
    places = [place for place, answer in enumerate(answers) if answer is GOOD]
    last_good = min(places) if backwards else max(places)
    bads = [place for place, answer in enumerate(answers) if answer is BAD]
    first_bad = max(bads) if backwards else min(bads)
    assert (found.good, found.bad) == (str(last_good), str(first_bad))
    assert found.verdict == ("found" if abs(last_good - first_bad) == 1 else "gap")
    assert all(answers[int(one)] is SKIP for one in found.skipped)
    answered = [one for one in found.asked if one.answer is not SKIP]
    assert sum(not one.attempt for one in answered) <= math.ceil(math.log2(len(releases) - 1)) + 2
    assert len(answered) <= math.ceil(math.log2(len(releases))) + 4


def test_an_end_that_is_not_as_said_ends_the_search() -> None:
    releases, ask = line_of([GOOD, GOOD, GOOD])
    found = bisect(releases, good="0", bad="2", ask=ask)
    assert (found.verdict, found.good, found.bad) == ("no change", None, None)
    assert len(found.asked) == 1 + ATTEMPTS  # what passes may fail at times only
    releases, ask = line_of([BAD, GOOD, BAD])
    assert len(bisect(releases, good="0", bad="2", ask=ask).asked) == 1
    releases, ask = line_of([GOOD, GOOD, SKIP])
    assert len(bisect(releases, good="0", bad="2", ask=ask).asked) == 2


def test_a_neighbour_that_answers_otherwise_again_is_not_believed() -> None:
    releases, ask = line_of([GOOD, GOOD, BAD, BAD], flaky={2: GOOD})
    assert bisect(releases, good="0", bad="3", ask=ask).verdict == "unsure"


def test_an_end_without_an_answer_the_second_time_is_not_believed() -> None:
    releases, ask = line_of([GOOD, GOOD, BAD, BAD], flaky={1: SKIP})
    assert bisect(releases, good="0", bad="3", ask=ask).verdict == "unsure"


def test_a_release_that_was_good_by_chance_moves_the_turn_to_where_it_is() -> None:
    releases, ask = line_of([GOOD, GOOD, GOOD, GOOD, GOOD, BAD, BAD, BAD, BAD], flaky={3: BAD, 4: BAD})
    found = bisect(releases, good="0", bad="8", ask=ask)
    assert (found.verdict, found.good, found.bad) == ("found", "2", "3")
    assert [(one.release, one.attempt) for one in found.asked if one.attempt == 2] == [("3", 2)]


def test_a_good_end_that_is_bad_the_second_time_leaves_nothing_to_believe() -> None:
    releases, ask = line_of([GOOD, BAD, BAD], flaky={0: BAD})
    assert bisect(releases, good="0", bad="2", ask=ask).verdict == "unsure"


@given(st.integers(1, 30), st.integers(0, 30), st.data())
def test_outward_finds_the_limit_or_says_that_there_is_none(good: int, bad: int, data: st.DataObject) -> None:
    """The same line read as good then bad, and as bad then good: a cure is a limit too."""
    start = data.draw(st.integers(0, good - 1))
    for first, then in ((GOOD, BAD), (BAD, GOOD)):
        releases, ask = line_of([first] * good + [then] * bad)
        found = outward(releases, start=str(start), step=1, ask=ask)
        sides = (str(good - 1), str(good)) if bad else (str(good - 1), None)
        assert found.verdict == ("found" if bad else "open")
        assert (found.good, found.bad) == (sides if first is GOOD else sides[::-1])
        assert outward(releases[:good], start=str(start), step=-1, ask=ask).verdict == "open"
        answered = [one for one in found.asked if not one.attempt]
        assert len(answered) <= math.ceil(math.log2(good + bad - start)) + 1
        assert len(found.asked) <= len(answered) + 2


@given(st.lists(st.sampled_from([GOOD, SKIP]), max_size=12), st.lists(st.sampled_from([BAD, SKIP]), max_size=12))
def test_outward_steps_over_what_does_not_answer(before: list[Answer], after: list[Answer]) -> None:
    line = [GOOD, *before, *after]
    releases, ask = line_of(line)
    found = outward(releases, start="0", step=1, ask=ask)
    goods = [place for place, answer in enumerate(line) if answer is GOOD]
    bads = [place for place, answer in enumerate(line) if answer is BAD]
    if bads:
        assert (found.good, found.bad) == (str(goods[-1]), str(bads[0]))
        assert found.verdict == ("found" if bads[0] - goods[-1] == 1 else "gap")
    else:
        assert (found.verdict, found.good, found.bad) == ("open", str(goods[-1]), None)


def test_in_both_directions_of_22_releases_no_more_than_9_are_asked() -> None:
    """As many as ceil(log2(22)) + 4, wherever the environment's own release and the limits are."""
    for own in range(22):
        for low in range(own + 1):
            for high in range(own, 22):
                line = [GOOD if low <= place <= high else BAD for place in range(22)]
                releases, ask = line_of(line)
                turns = [outward(releases, start=str(own), step=step, ask=ask) for step in (1, -1)]
                assert len({one.release for turn in turns for one in turn.asked}) <= 9
                assert [turn.good for turn in turns] == [str(high), str(low)]


@pytest.mark.parametrize(
    ("again", "verdict", "good", "bad"),
    [(BAD, "found", "1", "2"), (SKIP, "unsure", "2", None), (GOOD, "open", "2", None)],
)
def test_the_end_of_the_line_is_believed_only_when_it_was_good_twice(
    again: Answer, verdict: str, good: str, bad: str | None
) -> None:
    releases, ask = line_of([GOOD, GOOD, GOOD], flaky={2: again})
    found = outward(releases, start="0", step=1, ask=ask)
    assert (found.verdict, found.good, found.bad) == (verdict, good, bad)
    assert ("2", 1) in [(one.release, one.attempt) for one in found.asked]


def test_a_bad_end_of_the_line_that_is_good_the_second_time_is_not_believed() -> None:
    releases, ask = line_of([BAD, BAD], flaky={1: GOOD})
    assert outward(releases, start="0", step=1, ask=ask).verdict == "unsure"


def test_where_the_line_turns_more_than_once_one_of_the_turns_is_found() -> None:
    line = [GOOD, GOOD, BAD, GOOD, GOOD, GOOD, GOOD, BAD]
    releases, ask = line_of(line)
    found = outward(releases, start="0", step=1, ask=ask)
    assert found.verdict == "found"
    assert found.good is not None
    assert (line[int(found.good)], line[int(found.good) + 1]) == (GOOD, BAD)


def test_outward_from_a_release_without_an_answer_finds_nothing() -> None:
    releases, ask = line_of([SKIP, GOOD, BAD])
    assert outward(releases, start="0", step=1, ask=ask).verdict == "no change"


@given(st.integers(1, 24), st.sets(st.integers(0, 23), min_size=1, max_size=3), st.integers(0, 2))
def test_the_changes_that_break_are_isolated(count: int, wanted: set[int], unresolved: int) -> None:
    cause = {one % count for one in wanted}
    changes = list(range(count))

    def attempt(subset: list[int]) -> Answer:
        if unresolved and len(subset) % 5 == unresolved and not cause <= set(subset):
            return SKIP
        return BAD if cause <= set(subset) else GOOD

    assert set(smallest_breaking(changes, attempt)) == cause  # type: ignore[arg-type]
