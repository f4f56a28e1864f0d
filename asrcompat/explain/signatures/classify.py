"""Which entry of the catalogue a failure is: the most specific that matches, or none.

More of the failure's facts named is more specific; then the longer pattern of the message. Two entries that are equally
specific about one failure are a fault of the catalogue, and then nothing is said: `unrecognised` rather than a guess.
For the same reason an exception that was merely being handled counts only for an entry that names the code, such as
S3PRL's bare `except`; one that the others were raised from counts always.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from asrcompat.explain.signatures.entry import Match, Signature
from asrcompat.explain.signatures.facts import Facts, Raised


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
    """Whether a failure is like this: at that stage, from that code, with such an exception anywhere in its chain."""
    if match.stages and facts.stage not in match.stages:
        return False
    if match.raised_in is not None and not any(re.search(match.raised_in, frame.file) for frame in facts.frames):
        return False
    return any(_raised(match, one) for one in facts.chain)


def _raised(match: Match, one: Raised) -> bool:
    if one.handled and match.raised_in is None:
        return False
    name = match.exception is None or re.fullmatch(match.exception, one.exception) is not None
    return name and (match.message is None or re.search(match.message, one.message, re.DOTALL) is not None)


def specificity(match: Match) -> tuple[int, int]:
    """How much an entry asks for: larger is more specific."""
    asked = [match.exception, match.message, match.raised_in, match.stages or None]
    return sum(one is not None for one in asked), len(match.message or "")
