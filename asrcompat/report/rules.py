"""On what failures depend, in sentences: what was found, what is open, and what was never compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asrcompat.model import Results
from asrcompat.report import words
from asrcompat.report.grid import Target
from asrcompat.report.signatures import Signatures
from asrcompat.report.where import counted, label

_SHOWN = 3  # of each choice; results.json has all


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A failure, where it was looked at, and what its versions tell."""

    title: str
    target: Target | None
    paths: str
    verdict: str
    text: str
    support: str


def rules(results: Results, told: Signatures, numbers: Mapping[str, int]) -> tuple[Rule, ...]:
    """Put the rules into words, those that were found first."""
    order = list(_TEXTS)
    known = sorted(results.rules, key=lambda one: order.index(words.text(one, "verdict")))
    return tuple(_rule(one, told, numbers) for one in known)


def _rule(one: Mapping[str, Any], told: Signatures, numbers: Mapping[str, int]) -> Rule:
    verdict = words.text(one, "verdict")
    paths = [label(words.text(of, "path"), words.text(of, "device")) for of in words.mappings(one, "subjects")]
    return Rule(
        title=words.without_ours(words.text(one, "title")),
        target=told.target(words.text(one, "signature")),
        paths=", ".join(paths),
        verdict=verdict,
        text=_TEXTS[verdict](one, numbers),
        support=_support(one, numbers),
    )


def _found(one: Mapping[str, Any], numbers: Mapping[str, int]) -> str:
    (alternative,) = one["alternatives"]
    sought = one.get("counterexample_sought_in") or ()
    refuted = (
        f"runs that could have refuted it: {counted(sought, numbers)}" if sought else "no run was made to refute it"
    )
    if one.get("asked"):
        along = _along(alternative)
        shown = f"environments show it of which nothing else was asked for{along}"
    elif one.get("controlled"):
        shown = "environments that differ in nothing else show it"
    else:
        shown = "it fits all of them"
    return f"{fails_if(one)}; {shown}, and {refuted}"


def fails_if(one: Mapping[str, Any]) -> str:
    """The conditions of a rule that was found."""
    (alternative,) = one["alternatives"]
    return f"fails if {' and '.join(_condition(choice[0]) for choice in alternative)}"


def _along(alternative: Sequence[Sequence[Mapping[str, Any]]]) -> str:
    """What came along with what was asked for, and so may be what does it."""
    others = [condition for choice in alternative for condition in choice[1:]]
    if not others:
        return ""
    named = [_condition(condition) for condition in others if condition.get("named")]
    told = [f"{', '.join(named)}, which the failure names"] if named else []
    more = len(others) - len(named)
    told += [f"{more} {'other' if more == 1 else 'others'}" if named else words.plural(more, "package")] if more else []
    return f" (along with it came {' and '.join(told)}: one of these may be what does it)"


def _undetermined(one: Mapping[str, Any], numbers: Mapping[str, int]) -> str:
    alternatives: Sequence[Any] = one["alternatives"]
    if one.get("controlled") is False:
        fits = f"{_alternative(alternatives[0])} fits, but among so many packages chance would as well"
        return f"undetermined: {fits}; {_experiment(one, numbers)}"
    more = len(alternatives) - 1
    others = f"; {words.plural(more, 'other combination')} would do as well" if more else ""
    return f"undetermined: it fails if {_alternative(alternatives[0])}{others}; {_experiment(one, numbers)}"


def _experiment(one: Mapping[str, Any], numbers: Mapping[str, int]) -> str:
    experiment = words.mapping(one, "experiment")
    single = one.get("controlled") is False
    if not experiment:
        return f"no single change of what was seen, that was not tried, would tell {'more' if single else 'them apart'}"
    moves = " and ".join(words.text(move, "value") for move in words.mappings(experiment, "moves"))
    base = counted([words.text(experiment, "environment")], numbers)
    # where all that is open foretells the same of it, the run shows them or refutes them together
    apart = all(experiment.get(side, True) for side in ("fails", "passes"))
    tells = "some of them apart" if apart else f"whether {'it holds' if single else 'any of them does'}"
    return f"a run of environment {base} with {moves} would tell {tells} (`nox -s rules`)"


def _alternative(choices: Sequence[Sequence[Mapping[str, Any]]]) -> str:
    return " and ".join(_choice(choice) for choice in choices)


def _choice(choice: Sequence[Mapping[str, Any]]) -> str:
    shown = [_condition(one) for one in choice[:_SHOWN]]
    if len(choice) == 1:
        return shown[0]
    more = len(choice) - len(shown)
    return f"one of [{', '.join(shown)}{f' and {more} more that moved along' if more else ''}]"


def _condition(one: Mapping[str, Any]) -> str:
    without = words.text(one, "seen_without")
    return words.text(one, "text") + (f" (not with {without})" if without else "")


def _support(one: Mapping[str, Any], numbers: Mapping[str, int]) -> str:
    failing, passing = words.mapping(one, "failing"), words.mapping(one, "not_failing")
    told = f"{words.plural(int(failing['cells']), 'cell')} with it in {counted(failing['environments'], numbers)}"
    if not passing["environments"]:
        return told
    return (
        f"{told}, {words.plural(int(passing['cells']), 'cell')} without it in "
        f"{counted(passing['environments'], numbers)}"
    )


_TEXTS = {
    "found": _found,
    "undetermined": _undetermined,
    "none": lambda *_: "no few conditions on versions explain it",
    "incomparable": lambda *_: (
        "probed by different code of this project where it fails and where not: that may be the whole difference"
    ),
    "luck": lambda *_: "it comes and goes, and what passed may have been lucky: only more training steps would tell",
    "everywhere": lambda *_: "in every environment that came so far: there is nothing to compare with",
}
