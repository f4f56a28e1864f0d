"""Results in which every text that could come from a package is hostile."""

from __future__ import annotations

import dataclasses
from typing import Any

from factories import make_cell, make_check, make_environment, make_evidence, make_remedy, make_results

from asrcompat.model import (
    Boundary,
    BoundaryRun,
    Changes,
    CheckOutcome,
    Device,
    Difference,
    Moved,
    Outcome,
    Remedy,
    RemedyCell,
    Results,
    Stage,
    Trials,
)
from asrcompat.plan.document import KINDS

EVIL = (
    "<script>alert(1)</script><img src=x onerror=y> | `a``b` \n```\n</details>"
    "\x1b[31m\x00\u202e[x](javascript:y) \ud800 {{ 7*7 }}"
)


def _rules(evil: str) -> list[dict[str, Any]]:
    """A rule of each verdict, made of hostile text."""
    choice = [{"text": evil, "package": evil, "kind": evil, "version": evil, "seen_without": evil, "named": True}] * 3
    seen = {"cells": 1, "environments": [evil]}
    common: dict[str, Any] = {
        "signature": evil,
        "title": evil,
        "subjects": [{"path": evil, "device": evil}],
        "failing": seen,
        "not_failing": seen,
    }
    common |= {"alternatives": [[choice]], "counterexample_sought_in": [evil]}
    common["experiment"] = {"environment": evil, "moves": [{"kind": "pin", "value": evil}]}
    bounding = [{**one, "kind": "from"} for one in choice]
    return [
        {**common, "verdict": "found", "alternatives": [[bounding]]},
        *({**common, "verdict": one} for one in ("found", "undetermined", "none", "incomparable", "everywhere")),
    ]


def _changes(evil: str) -> Changes:
    """A difference of each kind that is told, of hostile text."""
    place = (evil, Device.CPU)
    common: dict[str, Any] = {"environment": evil, "cells": (place,), "before": evil, "after": f"broken at {evil}"}
    worse = {**common, "before": "works"}
    told = [Difference(kind="regressed", **worse), Difference(kind="fixed", **common)]
    told += [Difference(kind="new", **common), Difference(kind="fails otherwise", suspects=(evil,), **common)]
    versions = {evil: (evil, "x" + evil), "x" + evil: (evil, evil)}
    moved = Moved(environment=evil, versions=versions, whole=True, lock=evil)
    return Changes(generated_at=evil, commit=evil, folder=evil, differences=tuple(told), moved=(moved,))


def _coverage(evil: str) -> dict[str, Any]:
    """A plan of hostile axes: planned, pruned, passed over, beyond the budget, lost."""
    axes = {evil: [evil, "x" + evil], "x" + evil: [evil, "y" + evil]}
    pair = [[evil, evil], ["x" + evil, evil]]
    planned = {"id": evil, "title": evil, "row": {evil: evil, "x" + evil: "y" + evil}, "why": evil, "lock_sha256": evil}
    plan = {
        "profile": evil,
        "made_at": evil,
        "key": evil,
        "as_of": evil,
        "seed": 1,
        "budget": evil,
        "axes": axes,
        "passed_over": {evil: {evil: evil}},
        "new": {evil: [evil]},
        "rows": [planned],
        "beyond": [planned],
        "pruned": [{"choices": [[evil, evil]], "kind": kind, "reason": evil} for kind in KINDS],
        "impossible": [{"pair": pair, "pruned": [0, 1]}],
        "undecided": [[[evil, "x" + evil], ["x" + evil, evil]]],
        "unused": [evil],
    }
    counts = dict.fromkeys(("all", "impossible", "undecided", "feasible", "planned", "verdict", "working"), 1)
    return {"plan": plan, "counts": {**counts, "paths": {evil: {"of": 1, "verdict": 1, "working": 1}}}}


def _dated(evil: str) -> dict[str, Any]:
    """An environment of an earlier day beside itself."""
    cell = {"path": evil, "device": evil, "then": evil, "now": "x" + evil}
    moved = {evil: [evil, evil]}
    return {
        "environment": evil,
        "today": evil,
        "as_of": evil,
        "differs": moved,
        "unaided": {evil: evil},
        "cells": [cell],
    }


def _remedies(evil: str) -> tuple[Remedy, ...]:
    """A remedy of the cell, one that nothing came of, and one of an environment that is not there, of hostile text."""
    change = {"kind": evil, "value": evil}
    cells = tuple(
        RemedyCell(
            path=evil,
            device=device,
            before=evil,
            outcome=outcome,
            message=evil,
            trials=Trials(passed=1, of=2),
            miss=0.5,
        )
        for device in Device
        for outcome in Outcome
    )
    remedy = make_remedy(
        evil,
        evil,
        changes=(change, {**change, "kind": "file"}),
        says=evil,
        cells=cells,
        signatures=(evil,),
        needless=(change,),
        snippets=({"language": evil, "about": evil, "text": evil},),
        lock=evil,
        differences=(evil,),
    )
    return (
        remedy,
        dataclasses.replace(remedy, id="x" + evil, verified=False),
        dataclasses.replace(remedy, id="y" + evil, environment="x" + evil),
        dataclasses.replace(remedy, id="z" + evil, environment="x" + evil, verified=False),
    )


def hostile(evil: str = EVIL) -> Results:
    """Make results in which every text that could come from a package is hostile."""
    environment = make_environment(
        evil,
        packages={"torch": evil, evil: evil},
        reason=evil,
        declared_reason=evil,
        pins=(evil,),
        build={evil: [evil], "cuda": evil, "architectures": [evil], "least_driver": evil},
        lock=evil,
        pylock=evil,
        unaided={evil: evil},
        as_of=evil,
        host=evil,
        ran_at=evil,
        derived_from=evil,
    )
    check = make_check(
        Stage.LOAD, CheckOutcome.FAILED, id=evil, message=evil, data={"traceback": evil, "causes": [evil, evil]}
    )
    beside = [
        make_check(stage, outcome, id=evil, message=evil, required=False, data={"exception": evil, "traceback": evil})
        for stage in (Stage.LOAD, Stage.FEATURES, Stage.RECIPE)
        for outcome in CheckOutcome
    ]
    odd = {"follows": evil, "parity": evil, "tolerance": evil, "reported": [evil], "true": evil, "difference": evil}
    beside += [
        make_check(Stage.FEATURES, id=name, required=False, data=odd)
        for name in ("parity", "parity-path", "lengths", "batch-against-alone")
    ]
    evidence = make_evidence(environment, versions={evil: evil}, started=evil)
    texts: dict[str, Any] = {"exception": evil, "message": evil, "cause": evil, "signature": evil, "remedy": evil}
    cell = make_cell(environment, evil, Outcome.BROKEN, **texts, checks=(check, *beside), evidence=evidence)
    absent = make_cell(environment, evil, Outcome.UNAVAILABLE, device=Device.CUDA, message=evil)
    entry = {
        "environment": evil,
        "path": evil,
        "device": evil,
        "expected": evil,
        "found": {"outcome": evil},
        "reason": evil,
    }
    source = {"title": evil, "url": evil}
    sources = [source, {**source, "url": "https://example.org/"}, {**source, "url": "javascript:alert(1)"}]
    seen = {"part": 0, "supports": True, "path": evil, "device": "cpu", "stage": evil, "check": evil, "message": evil}
    seen["outcome"] = evil
    left_out = [
        {"part": 0, "environment": one, "path": path, "device": evil, "why": f"{number}{evil}"}
        for number, one in enumerate((evil, "x" + evil))
        for path in (evil, "y" + evil)
    ]
    evidence_of_claim = [
        {**seen, "environment": evil},
        {**seen, "environment": "x" + evil},
        {**seen, "supports": False},
    ]
    place = {"environment": evil, "path": evil, "device": evil, "check": evil}
    versions = {evil: {"failing": [evil], "not_failing": [evil]}}
    met: dict[str, Any] = dict.fromkeys(("id", "title", "cause", "status"), evil)
    met["package"] = "x" + evil
    met |= {"source": [evil], "cures": [{"kind": evil, "value": evil, "says": evil}]}
    seen_with = {"subjects": [place], "versions": versions}
    affected = [{**seen_with, "environments": {"failing": [evil], "not_failing": [evil]}}, seen_with]
    met |= {"cells": [place], "findings": [place], "affected": affected}
    group: dict[str, Any] = {"innermost": {"exception": evil, "message": evil}, "package": evil, "cells": [place]}
    group |= {"findings": [place], "affected": affected, "entry": evil}
    verdicts = {evil: "confirmed", "x" + evil: evil}
    part = {"says": evil, "verdict": evil, "needs": evil, "cites": sources, "environments": verdicts}
    claim: dict[str, Any] = {
        "id": evil,
        "statement": evil,
        "sources": sources,
        "verdict": evil,
        "tested": evil,
        "of": evil,
    }
    claim |= {"environments": verdicts, "parts": [part, {**part, "verdict": "not testable here"}, evil]}
    shared = [{**one, "part": number} for number in range(4) for one in left_out]
    many = {**claim, "parts": [part] * 4, "left_out": shared}
    runs = tuple(
        BoundaryRun(release=evil, attempt=0, answer=said, told=evil, environment=evil, outcome=Outcome.BROKEN)
        for said in ("good", "bad")
    )
    boundary = Boundary(
        environment=evil,
        axis=evil,
        path=evil,
        device=Device.CPU,
        stage=None,
        direction="newer",
        verdict="gap",
        last_good=evil,
        first_bad=evil,
        gap=(evil,),
        skipped={evil: evil},
        runs=runs,
        along=(evil,),
        differs={evil: (evil, evil)},
        miss=0.5,
        found_at=evil,
    )
    return make_results(
        [cell, absent],
        [environment],
        boundaries=(boundary, dataclasses.replace(boundary, direction="older", verdict="no change")),
        claims=({**claim, "evidence": evidence_of_claim, "left_out": left_out}, many, {}),
        remedies=_remedies(evil),
        signatures=(met, {**met, "cells": []}),
        unrecognised=(group,),
        rules=tuple(_rules(evil)),
        coverage=_coverage(evil),
        dated=(_dated(evil),),
        changes=_changes(evil),
        host={evil: evil, "cpu": evil},
        harness={"commit": evil},
        missing=(evil,),
        expectations={"regressions": [entry, evil]},
        weights_comparison={evil: evil},
    )
