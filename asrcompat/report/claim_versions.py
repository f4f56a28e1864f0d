"""A claim by version: a table of its verdicts in each environment, where these are not all alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from asrcompat.report import words
from asrcompat.report.environments import EnvironmentRow
from asrcompat.report.grid import NOT_ASKED, Entry, Grid, Line

NOT_TESTABLE = "not testable here"
VERDICTS = {
    "confirmed": ("✓", "works"),
    "refuted": ("✗", "broken"),
    "partly": ("~", "unstable"),
    NOT_TESTABLE: ("\N{EN DASH}", "unavailable"),
}
_NOT_COUNTED = Entry(text="\N{EN DASH}", kind="unavailable")


def by_version(
    entry: Mapping[str, Any], parts: Sequence[Mapping[str, Any]], environments: Sequence[EnvironmentRow]
) -> Grid | None:
    """The claim and each part as a line, where any fares differently from one environment to another, or not at all."""
    out = [{words.text(one, "environment") for one in of_part(entry, "left_out", n)} for n in range(len(parts))]
    judged = [beside for part, beside in zip(parts, out, strict=True) if not part.get("control")]
    named = [("the claim", words.mapping(entry, "environments"), set[str]().union(*judged))]
    for part, beside in zip(parts, out, strict=True):
        named.append((words.text(part, "says"), words.mapping(part, "environments"), beside))
    if not any(len(set(map(str, verdicts.values()))) > 1 or beside - {*verdicts} for _, verdicts, beside in named):
        return None
    # With one part, the claim's own line would say the same twice.
    shown = named[1:] if len(parts) == 1 else named
    return Grid(
        corner="",
        columns=tuple(row.entry for row in environments),
        lines=tuple(
            Line(
                head=Entry(text=name),
                entries=tuple(_in_environment(verdicts, beside, row.environment.id) for row in environments),
            )
            for name, verdicts, beside in shown
            if verdicts or beside
        ),
    )


def _in_environment(verdicts: Mapping[str, Any], beside: Set[str], identity: str) -> Entry:
    if identity not in verdicts:
        # What did not come so far was asked, and is told below.
        return _NOT_COUNTED if identity in beside else Entry(text=NOT_ASKED, kind="absent")
    sign, kind = VERDICTS.get(str(verdicts[identity]), ("?", ""))
    return Entry(text=sign, kind=kind)


def of_part(entry: Mapping[str, Any], name: str, index: int) -> list[Mapping[str, Any]]:
    """What a list of the claim says about one of its parts."""
    return [one for one in words.mappings(entry, name) if one.get("part") == index]
