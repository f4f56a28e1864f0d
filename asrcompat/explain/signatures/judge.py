"""Results with what is known of their failures: a signature and a cause for each cell, and each signature's story.

    cells ─► facts ─► signature, or unrecognised ─► signatures met (where, versions, what to try), groups of the rest

Nothing here changes an outcome.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from asrcompat.explain.seen import Fared, Subject, alike, apart, fared, versions_seen
from asrcompat.explain.signatures.classify import classify
from asrcompat.explain.signatures.entry import Signature
from asrcompat.explain.signatures.facts import CONFLICTS, FAILED, Facts, facts_of, facts_of_check
from asrcompat.explain.signatures.fingerprint import Fingerprint, draft_entry, fingerprint
from asrcompat.model import UNRECOGNISED, Cell, Check, Environment, Results

_Key = tuple[str, str, str]
_Finding = tuple[_Key, str]  # a cell's, and the id of the check


def judge_signatures(results: Results, catalogue: Mapping[str, Signature]) -> Results:
    """The same results with `signatures`, `unrecognised`, and what is known in every broken or unstable cell."""
    facts = {cell.key: known for cell in results.cells if (known := facts_of(cell)) is not None}
    found = {key: classify(known, catalogue.values()) for key, known in facts.items()}
    beside = {
        (cell.key, check.id): facts_of_check(check)
        for cell in results.cells
        for check in cell.checks
        if not check.required and check.outcome in FAILED
    }
    besides = {key: classify(known, catalogue.values()) for key, known in beside.items()}
    findings = {key: signature.id for key, signature in besides.items() if signature is not None}
    met = {signature.id for signature in found.values() if signature is not None} | set(findings.values())
    environments = {one.id: one for one in results.environments}
    cells = tuple(_told(cell, facts.get(cell.key), found.get(cell.key)) for cell in results.cells)
    unknown = {key: known for key, known in beside.items() if besides[key] is None and _is_raised(known)}
    return dataclasses.replace(
        results,
        cells=cells,
        signatures=tuple(
            _met(catalogue[identity], cells, facts, findings, environments) for identity in catalogue if identity in met
        ),
        unrecognised=tuple(_groups(cells, facts, unknown, environments)),
    )


def _is_raised(facts: Facts) -> bool:
    """Whether a package raised it: what a check of this project's own found amiss, it tells by itself."""
    return bool(facts.innermost.exception) and not facts.innermost.exception.endswith("CheckFailed")


def _told(cell: Cell, facts: Facts | None, signature: Signature | None) -> Cell:
    if facts is None:
        return cell
    particular = _particular(facts)
    if signature is None:
        return dataclasses.replace(cell, signature=UNRECOGNISED, cause=particular or _where(facts))
    cause = " ".join(filter(None, [signature.cause, particular and f"Here: {particular}."]))
    return dataclasses.replace(cell, signature=signature.id, cause=cause)


def _particular(facts: Facts) -> str | None:
    """What this one failure says of its cause: which requirements clash, or what ended which build."""
    inner = facts.innermost
    if inner.exception in CONFLICTS:
        return inner.message
    if facts.built is not None:
        return f"the build of {facts.built} ended with {inner.exception}: {inner.message}".strip(": ")
    return None


def _where(facts: Facts) -> str:
    """What is known of a cause that nothing else tells: which exception came first, and from which package."""
    inner = facts.innermost
    if facts.raised_in is not None:
        told = f"{inner.exception} raised in {facts.raised_in.package}"
    elif not _is_raised(facts):
        told = f"a check of the stage {facts.stage.value} did not hold"
    else:
        told = f"{inner.exception} at the stage {facts.stage.value}"
    return f"{told}: {' '.join(inner.message.split())}".removesuffix(": ")


def _met(
    signature: Signature,
    cells: tuple[Cell, ...],
    facts: Mapping[_Key, Facts],
    findings: Mapping[_Finding, str],
    environments: Mapping[str, Environment],
) -> dict[str, Any]:
    def fails(cell: Cell, check: Check | None) -> bool:
        if check is None:
            return cell.signature == signature.id
        return findings.get((cell.key, check.id)) == signature.id

    told = dataclasses.asdict(signature)
    return {
        **{name: told[name] for name in ("id", "title", "cause", "status", "source", "cures")},
        "package": _raiser([facts[cell.key] for cell in cells if fails(cell, None)]),
        "cells": [_place(cell.key) for cell in cells if fails(cell, None)],
        "findings": [{**_place(key), "check": check} for (key, check), one in findings.items() if one == signature.id],
        **_affected(fared(cells, fails), environments),
    }


def _raiser(failures: Iterable[Facts]) -> str | None:
    """The package in which most of these failures were raised."""
    raised = Counter(one.raised_in.package for one in failures if one.raised_in is not None)
    return max(raised, key=lambda name: raised[name], default=None)


def _groups(
    cells: tuple[Cell, ...],
    facts: Mapping[_Key, Facts],
    beside: Mapping[_Finding, Facts],
    environments: Mapping[str, Environment],
) -> Iterator[dict[str, Any]]:
    """What no entry matches, alike ones together: they have their fingerprint in common. Mere findings come last."""
    groups: dict[Fingerprint, tuple[list[_Key], list[_Finding]]] = {}
    for cell in cells:
        if cell.signature == UNRECOGNISED:
            groups.setdefault(fingerprint(facts[cell.key]), ([], []))[0].append(cell.key)
    for key, known in beside.items():
        groups.setdefault(fingerprint(known), ([], []))[1].append(key)
    for seen, (deciding, findings) in groups.items():
        first = facts[deciding[0]] if deciding else beside[findings[0]]
        yield {
            "fingerprint": dataclasses.asdict(seen),
            "package": seen.package,
            "innermost": {"exception": first.innermost.exception, "message": first.innermost.message},
            "stage": first.stage.value,
            "cells": [_place(key) for key in deciding],
            "findings": [{**_place(key), "check": check} for key, check in findings],
            **_affected(fared(cells, _among({*deciding, *findings})), environments),
            "entry": draft_entry(first),
        }


def _among(group: Collection[_Key | _Finding]) -> Callable[[Cell, Check | None], bool]:
    return lambda cell, check: (cell.key if check is None else (cell.key, check.id)) in group


def _affected(told: Mapping[Subject, Fared], environments: Mapping[str, Environment]) -> dict[str, Any]:
    """Where it was seen to fail so and where not, computed from these results alone.

    Versions mean something among paths and checks that fare alike (`affected`): one that fails for a cause of its own,
    or is not there, would make the others' look as if they depended on nothing.
    """
    return {
        **_seen(told.values(), environments),
        "affected": [
            {
                "subjects": [{"path": one.path, "device": one.device.value, "check": one.check} for one in subjects],
                **_seen([together], environments),
            }
            for subjects, together in alike(told)
        ],
    }


def _seen(told: Iterable[Fared], environments: Mapping[str, Environment]) -> dict[str, Any]:
    everything = list(told)
    failing, passing = apart(everything)
    return {
        "environments": {"failing": failing, "not_failing": passing},
        "versions": versions_seen(everything, environments),
    }


def _place(key: _Key) -> dict[str, str]:
    return dict(zip(("environment", "path", "device"), key, strict=True))
