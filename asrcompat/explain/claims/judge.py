"""Verdicts, from what results show and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from asrcompat.model import Results

from .document import Document, Look, Part
from .load import load_claims
from .observe import observe
from .verdict import Claim, Evidence, LeftOut, PartVerdict, Verdict


def judge_claims(results: Results, folder: Path) -> tuple[Claim, ...]:
    """The verdict of every claim of the folder; raises `SpecError` where a file of it is faulty."""
    return tuple(judge(document, results) for document in load_claims(folder))


def judge(document: Document, results: Results) -> Claim:
    """The verdict of one claim."""
    looked = [tuple(observe(part, number, results)) for number, part in enumerate(document.parts)]
    seen = [tuple(one for one in found if isinstance(one, Evidence)) for found in looked]
    parts = tuple(_part(part, found) for part, found in zip(document.parts, seen, strict=True))
    counted = [found for part, found in zip(document.parts, seen, strict=True) if not part.control]
    evidence = [one for found in counted for one in found]
    verdict = _verdict(evidence)
    if verdict is Verdict.CONFIRMED and not all(counted):
        verdict = Verdict.PARTLY  # what nothing here tests is not confirmed
    return Claim(
        id=document.id,
        statement=document.statement,
        sources=document.sources,
        verdict=verdict,
        tested=sum(1 for found in counted if found),
        of=len(counted),
        environments=_by_environment(evidence, results),
        parts=parts,
        evidence=tuple(one for found in seen for one in found),
        left_out=tuple(one for found in looked for one in found if isinstance(one, LeftOut)),
    )


def _part(part: Part, evidence: Sequence[Evidence]) -> PartVerdict:
    return PartVerdict(
        says=part.says,
        verdict=_verdict(evidence),
        control=part.control,
        needs=part.needs or _would_test(part),
        cites=part.cites,
        environments=_by_environment(evidence, None),
    )


def _verdict(evidence: Sequence[Evidence]) -> Verdict:
    return Verdict.of(one.supports for one in evidence)


def _by_environment(evidence: Sequence[Evidence], results: Results | None) -> Mapping[str, Verdict]:
    """The verdict in each environment that something was seen in, in the results' order."""
    named = dict.fromkeys(one.environment for one in evidence if one.environment is not None)
    order = list(named) if results is None else [one.id for one in results.environments if one.id in named]
    return {name: _verdict([one for one in evidence if one.environment == name]) for name in order}


def _would_test(part: Part) -> str:
    """What would test a part that has something to look at."""
    if part.look is None:
        return "a run with the real weights (`--weights hub`)"
    look: Look = part.look
    what = f"check {look.check}" if look.check is not None else f"stage {look.stage}"
    where = f" of {', '.join(look.paths)}" if look.paths else ""
    on = f" on {', '.join(look.devices)}" if look.devices else ""
    versions = ", ".join(f"{package}{specifier}" for package, specifier in look.when.items())
    with_ = f" with {versions}" if versions else ""
    real = " with the real weights (`--weights hub`)" if look.weights else ""
    otherwise = ", and does not fail it for another reason" if look.about else ""
    return f"a run{real} that comes to {what}{where}{on}{with_}{otherwise}"
