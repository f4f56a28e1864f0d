"""Each cause on its own: what it is, where it was met, on which versions it depends, and what was tried against it.

A recognised failure has a page, called after its signature. Those that nothing recognises share one: they are told
apart by what packages wrote, and no address made of that would stay the same from report to report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asrcompat.model import Cell, Results
from asrcompat.report import words
from asrcompat.report.bounds import Bound
from asrcompat.report.environments import EnvironmentRow
from asrcompat.report.failures import FAILED
from asrcompat.report.grid import Entry
from asrcompat.report.pages import UNRECOGNISED, cause_files
from asrcompat.report.reasons import Reason
from asrcompat.report.remedies import Tried, Verified
from asrcompat.report.rules import Rule
from asrcompat.report.signatures import Story, Unrecognised
from asrcompat.report.upstream import Source, source
from asrcompat.report.view import View
from asrcompat.report.where import Key, path_label, where


@dataclass(frozen=True, kw_only=True)
class Hit:
    """An environment that has the cause, and its cells that do, each with its outcome."""

    row: EnvironmentRow
    cells: tuple[Entry, ...]


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A traceback of a finding, which stands for all of its kind."""

    title: str
    where: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Cause:
    """All that is known of one; `story` is what the catalogue says, and `groups` is what is known without it."""

    file: str
    anchor: str
    title: str
    story: Story | None
    sources: tuple[Source, ...]
    reasons: tuple[Reason, ...]
    groups: tuple[Unrecognised, ...]
    hits: tuple[Hit, ...]
    rules: tuple[Rule, ...]
    verified: tuple[Verified, ...]
    tried: tuple[Tried, ...]
    bounds: tuple[Bound, ...]
    traces: tuple[Trace, ...]

    @property
    def cells(self) -> int:
        """How many cells failed so."""
        return sum(len(one.cells) for one in self.hits)

    @property
    def anchors(self) -> tuple[str, ...]:
        """What is told here."""
        return (
            self.anchor,
            *(one.failure.anchor for one in self.reasons),
            *(one.anchor for one in self.verified),
        )


@dataclass(frozen=True, kw_only=True)
class Causes:
    """The recognised ones, those that broke cells first; the others; and what belongs to none of them."""

    recognised: tuple[Cause, ...]
    unrecognised: tuple[Cause, ...]
    verified: tuple[Verified, ...]
    tried: tuple[Tried, ...]

    @property
    def shared(self) -> bool:
        """Whether there is anything for the page that the others share."""
        return bool(self.unrecognised or self.verified or self.tried)

    @property
    def files(self) -> dict[str, str]:
        """Where each thing is told, by its anchor; what several pages tell, on the first of them."""
        found = {one.anchor: UNRECOGNISED for one in self.verified}
        for cause in reversed((*self.recognised, *self.unrecognised)):
            found |= dict.fromkeys(cause.anchors, cause.file)
        return found


def causes(results: Results, view: View) -> Causes:
    """Put together what each cause's page tells."""
    make = _maker(results, view)
    stories: dict[str, Story] = {}
    for story in view.signatures.stories:
        stories.setdefault(story.id, story)  # links lead to the first of a name
    by_signature: dict[str, list[Reason]] = {}
    others: list[Reason] = []
    for reason in view.reasons:
        known = reason.failure.cells[0].recognised
        by_signature.setdefault(known, []).append(reason) if known else others.append(reason)
    files = cause_files(list(dict.fromkeys([*stories, *by_signature])))
    recognised = tuple(
        make(identity, file, stories.get(identity), by_signature.get(identity, []), ())
        for identity, file in files.items()
    )
    unrecognised = tuple(_unrecognised(make, others, view.signatures.unrecognised))
    told = {one.anchor for cause in (*recognised, *unrecognised) for one in cause.verified}
    return Causes(
        recognised=recognised,
        unrecognised=unrecognised,
        verified=tuple(one for one in view.remedies.verified if one.anchor not in told),
        tried=tuple(
            one
            for one in view.remedies.tried
            if not files.keys() & set(one.signatures) and not any(one in cause.tried for cause in unrecognised)
        ),
    )


_Make = Callable[[str, str, Story | None, Sequence[Reason], Sequence[Unrecognised]], Cause]


def _unrecognised(make: _Make, others: Sequence[Reason], groups: Sequence[Unrecognised]) -> Iterator[Cause]:
    """Each failure with the groups that it has cells of, and then the groups that no cell's outcome hung on."""
    left = list(groups)
    for reason in others:
        keys = {cell.key for cell in reason.failure.cells}
        own = [one for one in groups if keys & set(one.cells)]
        left = [one for one in left if one not in own]
        yield make("", UNRECOGNISED, None, [reason], own)
    for one in left:
        yield make("", UNRECOGNISED, None, [], [one])


def _maker(results: Results, view: View) -> _Make:
    rows = {one.row.environment.id: one.row for one in view.environments}
    met = {words.text(one, "id"): one for one in results.signatures}
    at = {cell.key: cell for cell in results.cells}
    numbers = {name: row.number for name, row in rows.items()}

    def make(
        identity: str,
        file: str,
        story: Story | None,
        reasons: Sequence[Reason],
        groups: Sequence[Unrecognised],
    ) -> Cause:
        cells = [cell for reason in reasons for cell in reason.failure.cells]
        keys = {cell.key for cell in cells}
        cured = {cell.remedy for cell in cells}
        innermost = {one.innermost for one in groups}
        anchors = [*(one.failure.anchor for one in reasons), *(f"group-{_place(view, one)}" for one in groups)]
        titles = [*(one.failure.title for one in reasons), *(one.innermost for one in groups)]
        return Cause(
            file=file,
            anchor=story.anchor if story else anchors[0] if file == UNRECOGNISED else f"cause-of-{anchors[0]}",
            title=story.title if story else identity or titles[0] or "(nothing is told)",
            story=story,
            sources=tuple(map(source, story.named)) if story else (),
            reasons=tuple(reasons),
            groups=tuple(groups),
            hits=tuple(_hits(cells, rows, view)),
            rules=tuple(one for one in view.rules if (one.target == story.target if story else one.title in innermost)),
            verified=tuple(
                one for one in view.remedies.verified if identity in one.remedy.signatures or one.remedy.id in cured
            ),
            # what nothing recognises has no name that a remedy could know it by: it was tried on its cells
            tried=tuple(
                one for one in view.remedies.tried if (identity in one.signatures if identity else keys & one.keys)
            ),
            bounds=tuple(one for one in view.bounds if story and one.target == story.target),
            traces=tuple(_traces(met.get(identity, {}), at, numbers)),
        )

    return make


def _place(view: View, group: Unrecognised) -> int:
    return view.signatures.unrecognised.index(group) + 1


def _hits(cells: Sequence[Cell], rows: Mapping[str, EnvironmentRow], view: View) -> Iterator[Hit]:
    """By environment, in their order."""
    for name, row in rows.items():
        own = tuple(
            Entry(
                text=f"{words.SIGNS[cell.outcome]} {path_label(cell)}, {words.short_label(cell)}",
                target=view.targets.get(cell.key),
                kind=cell.outcome.value,
            )
            for cell in cells
            if cell.environment == name
        )
        if own:
            yield Hit(row=row, cells=own)


def _traces(met: Mapping[str, Any], at: Mapping[Key, Cell], numbers: Mapping[str, int]) -> Iterator[Trace]:
    """The tracebacks of the findings that a signature was met in, each kind once."""
    kinds: dict[tuple[str, str], list[tuple[str, Key]]] = {}
    for finding in words.mappings(met, "findings"):
        name = words.text(finding, "check")
        key = (words.text(finding, "environment"), words.text(finding, "path"), words.text(finding, "device"))
        for check in at[key].checks if key in at else ():
            text = str(check.data.get("traceback") or "")
            if check.id == name and check.outcome in FAILED and text:
                kinds.setdefault((name, words.alike(check.message)), []).append((text, key))
    for (name, _), seen in kinds.items():
        yield Trace(title=name, where=where(dict.fromkeys(key for _, key in seen), numbers), text=seen[0][0])
