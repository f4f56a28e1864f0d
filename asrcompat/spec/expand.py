"""From a profile's grids to environments: products of axis values, less the excluded, with the pins that apply.

What a specifier in ``when`` matches:

- ``*`` matches every value of its axis;
- ``newest`` matches the value ``newest`` and nothing else, and no other specifier matches that value: which version it
  will be is not known before resolving;
- a PEP 440 specifier matches versions, pre-releases included;
- on the s3prl axis a specifier means the distribution ``s3prl``, or ``espnet-s3prl`` where it is written in front
  (``espnet-s3prl>=2026.1``, ``espnet-s3prl newest``, ``espnet-s3prl *``): two distributions' numbers do not compare;
- of a list, one has to match; of several axes, all.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from .fields import FORK, NEWEST
from .request import Pin, Request, torchaudio_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .document import Exclusion, GridEntry, PinRule, When


@dataclass(frozen=True, kw_only=True)
class Expansion:
    """The environments of some grid entries, in the file's order: those to run, and those excluded with the reason."""

    planned: tuple[Request, ...]
    excluded: tuple[tuple[Request, str], ...]


def products(entry: GridEntry) -> Iterator[Request]:
    """Every combination of an entry's values; the last axis named here turns fastest."""
    pins, overrides = (
        (Pin(requirements=requirements, reason=entry.reason or ""),) if requirements else ()
        for requirements in (entry.pins, entry.overrides)
    )
    axes = (entry.python, entry.torch, entry.espnet, entry.transformers, entry.s3prl)
    for python, torch, espnet, transformers, s3prl in itertools.product(*axes):
        yield Request(
            python=python,
            torch=torch,
            torchaudio=entry.torchaudio or torchaudio_for(torch),
            transformers=transformers,
            s3prl=s3prl,
            espnet=espnet,
            extras=entry.extras,
            pins=pins,
            overrides=overrides,
            paths=entry.paths,
            recipe=entry.recipe,
            as_of=entry.as_of,
        )


def matches(when: When, request: Request) -> bool:
    """Whether every axis named in `when` has a value that one of its specifiers matches."""
    return all(
        any(_matches(specifier, getattr(request, axis)) for specifier in specifiers)
        for axis, specifiers in when.items()
    )


def general_pins(rules: Sequence[PinRule], request: Request) -> tuple[Pin, ...]:
    """The pins of the rules that match a request; none on an earlier day, when there was nothing yet to shut out."""
    return tuple(
        Pin(requirements=rule.requirements, reason=rule.reason)
        for rule in rules
        if request.as_of is None and matches(rule.when, request)
    )


def _matches(specifier: str, value: str) -> bool:
    if specifier == "*":
        return True
    distribution, version = _split(value)
    wanted, text = _split(specifier)
    if distribution != wanted:
        return False
    if NEWEST in {text, version}:
        return text in {version, "*"}
    return text == "*" or SpecifierSet(text).contains(version, prereleases=True)


def _split(text: str) -> tuple[bool, str]:
    return text.startswith(FORK), text.removeprefix(FORK).strip()


def expand(entries: Sequence[GridEntry], *, pins: Sequence[PinRule], exclude: Sequence[Exclusion]) -> Expansion:
    """The environments of `entries`; one that several entries name is taken from the first."""
    planned: dict[str, Request] = {}
    excluded: dict[str, tuple[Request, str]] = {}
    for request in itertools.chain.from_iterable(map(products, entries)):
        reason = next((rule.reason for rule in exclude if matches(rule.when, request)), None)
        if reason is not None:
            excluded.setdefault(request.id, (request, reason))
            continue
        planned.setdefault(request.id, request.with_pins(general_pins(pins, request)))
    return Expansion(planned=tuple(planned.values()), excluded=tuple(excluded.values()))
