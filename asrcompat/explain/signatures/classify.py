"""Which entry of the catalogue a failure is: the most specific that matches, or none.

More of the failure's facts named is more specific; then the longer pattern of the message. Two entries that are equally
specific about one failure are a fault of the catalogue, and then nothing is said: `unrecognised` rather than a guess.
For the same reason an exception that was merely being handled counts only for an entry that says so (`hidden`), such
as what S3PRL's bare `except` hides; one that the others were raised from counts always.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from asrcompat.explain.signatures.entry import Match, Signature
from asrcompat.explain.signatures.facts import Facts, Frame, Raised


def classify(facts: Facts, catalogue: Iterable[Signature]) -> Signature | None:
    """The signature of a failure; None where it is unrecognised."""
    ranked = sorted(
        ((specificity(entry.match), entry) for entry in catalogue if matches(entry.match, facts)),
        key=lambda pair: pair[0],
        reverse=True,
    )
    if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
        return None
    return ranked[0][1]


def matches(match: Match, facts: Facts) -> bool:
    """Whether a failure is like this: at that stage, about that package, with such an exception in its chain."""
    if match.stages and facts.stage not in match.stages:
        return False
    if match.package is not None and match.package != facts.package:
        return False
    return facts.askers.issuperset(match.asked_by) and any(_raised(match, one) for one in facts.chain)


def _raised(match: Match, one: Raised) -> bool:
    if one.handled and not match.hidden:
        return False
    if match.exception is not None and re.fullmatch(match.exception, one.exception) is None:
        return False
    if match.message is not None and re.search(match.message, one.message, re.DOTALL) is None:
        return False
    if match.raised_in is not None and not (one.raised_in and _is_in(match.raised_in, one.raised_in)):
        return False
    return match.through is None or any(_is_in(match.through, frame) for frame in one.frames)


def _is_in(pattern: str, frame: Frame) -> bool:
    """Whether a file's path begins so below where packages are installed; in a checkout, below any of its folders."""
    above = "" if frame.installed else "(?:.*/)?"
    return re.match(f"{above}(?:{pattern})", frame.file) is not None


def specificity(match: Match) -> tuple[int, int]:
    """How much an entry asks for: larger is more specific."""
    asked = [match.exception, match.message, match.raised_in, match.through, match.package]
    many = [match.stages, match.asked_by]
    return sum(one is not None for one in asked) + sum(map(bool, many)), len(match.message or "")
