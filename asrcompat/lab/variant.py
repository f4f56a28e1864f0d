"""Changes of packages: the request that they make of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from asrcompat.lab.change import Change
from asrcompat.spec import Pin, PinRule, Request, general_pins, torchaudio_for

_REASON = "tried in the laboratory"


def variant(request: Request, changes: Sequence[Change], rules: Sequence[PinRule] = ()) -> Request:
    """The request with these changes made to it; those that do not concern packages change nothing here.

    torchaudio goes along with torch where it did before and no change names it. `rules` are matrix.toml's pins: where
    an axis moves, those that match what it became hold in place of those that matched what it was.
    """
    moved = request
    for change in changes:
        if change.kind == "axis":
            moved = _axis(moved, *change.parts)
        elif change.kind == "replace":
            moved = replace(moved, s3prl=change.value.partition(" -> ")[2])
    named = {change.parts[0] for change in changes if change.kind == "axis"}
    if request.torchaudio == torchaudio_for(request.torch) and "torchaudio" not in named:
        moved = replace(moved, torchaudio=torchaudio_for(moved.torch))
    if moved != request:
        before = general_pins(rules, request)
        own = tuple(pin for pin in request.pins if pin not in before)
        moved = replace(moved, pins=(*general_pins(rules, moved), *own))
    for change in changes:
        if change.kind == "extra":
            moved = _extra(moved, change.value)
        elif change.kind == "pin":
            moved = _pin(moved, change.value)
        elif change.kind == "override":
            moved = _override(moved, change.value)
    return moved


def _axis(request: Request, name: str, value: str) -> Request:
    match name:
        case "python":
            return replace(request, python=value)
        case "torch":
            return replace(request, torch=value)
        case "torchaudio":
            return replace(request, torchaudio=value)
        case "transformers":
            return replace(request, transformers=value)
        case "s3prl":
            return replace(request, s3prl=value)
        case _:
            return replace(request, espnet=value)


def _extra(request: Request, value: str) -> Request:
    name = value.partition("==")[0]
    others = tuple(one for one in request.extras if one.partition("==")[0] != name)
    return replace(request, extras=(*others, value))


def _pin(request: Request, value: str) -> Request:
    """The pin, in place of what the request says of the same package: an aid or an extra that it had is given up."""
    name = _name(value)
    # a package whose requirements had to be overridden would not take the pin either
    if any(name in map(_name, pin.requirements) for pin in request.overrides):
        return _override(request, value)
    others = _free_of(request, name)
    return replace(others, pins=(*others.pins, Pin(requirements=(value,), reason=_REASON)))


def _override(request: Request, value: str) -> Request:
    """The requirement in place of all that is asked of its package, whoever asks."""
    others = _free_of(request, _name(value))
    return replace(others, overrides=(*others.overrides, Pin(requirements=(value,), reason=_REASON)))


def _free_of(request: Request, name: str) -> Request:
    return replace(
        request,
        extras=tuple(one for one in request.extras if _name(one) != name),
        pins=_without(name, request.pins),
        overrides=_without(name, request.overrides),
    )


def _without(name: str, pins: Sequence[Pin]) -> tuple[Pin, ...]:
    left = (replace(pin, requirements=tuple(one for one in pin.requirements if _name(one) != name)) for pin in pins)
    return tuple(pin for pin in left if pin.requirements)


def _name(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)
