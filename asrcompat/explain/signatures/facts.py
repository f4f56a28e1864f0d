"""What is known of a failure: the exceptions, outermost first, where they were raised, and the stage.

An environment that was never made has a chain too: uv's words, then what clashes or what ended the build.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from packaging.utils import canonicalize_name

from asrcompat.explain.signatures import builds
from asrcompat.explain.signatures.conflicts import Absent, Clash, Conflict, NoWheel, conflict_of
from asrcompat.model import Cell, Check, CheckOutcome, Outcome, Stage

# How Python separates the tracebacks of a chain; the first cause stands first.
_LINK = re.compile(
    r"^(?:The above exception was the direct cause|During handling of the above exception).*$", re.MULTILINE
)
_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>.+)$', re.MULTILINE)
_SITE = re.compile(r"(?:site|dist)-packages/(?P<inside>.+)$")
# Python's own code, which imports, parses or allocates for whoever called it, and this project's, which called it all
_NOBODYS = re.compile(r"^<[^/]*>$|(?:^|/)python\d[\d.]*/(?!.*(?:site|dist)-packages/)|(?:^|/)_?asrcompat(?:/|_)probe/")
CONFLICT, BUILD = "ResolutionConflict", "BuildFailed"  # what `plan.prepare` and `run.session` call them
CONFLICTS = tuple(one.__name__ for one in (Clash, Absent, NoWheel))  # the type that a conflict's cause is told as
FAILED = (CheckOutcome.FAILED, CheckOutcome.UNSTABLE)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One line of a traceback; `file` is relative to where packages are installed, where it is one of theirs."""

    file: str
    function: str
    installed: bool

    @property
    def package(self) -> str:
        """The import name of the package that the file belongs to."""
        return self.file.partition("/")[0].removesuffix(".py")


@dataclass(frozen=True, kw_only=True)
class Raised:
    """One exception of a chain: its type as a traceback prints it, its message, and the frames of its own traceback.

    `handled` marks one that the outer ones were not raised from: it was merely being handled when they came, and may
    have nothing to do with them (an optional import that failed, say).
    """

    exception: str
    message: str
    handled: bool = False
    frames: tuple[Frame, ...] = field(default=(), compare=False)

    @property
    def raised_in(self) -> Frame | None:
        """The innermost frame that is a package's, be it installed or a person's checkout."""
        return next((frame for frame in reversed(self.frames) if not _NOBODYS.search(frame.file)), None)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A failure as classification sees it.

    `chain` begins with what the caller saw; `frames` are of the whole traceback. `conflict` is what clashes in a
    resolver's conflict, `built` the distribution whose build failed.
    """

    stage: Stage
    chain: tuple[Raised, ...]
    frames: tuple[Frame, ...] = ()
    conflict: Conflict | None = None
    built: str | None = None

    @property
    def innermost(self) -> Raised:
        """The first cause: the last of the chain that the others were raised from."""
        return [one for one in self.chain if not one.handled][-1]

    @property
    def raised_in(self) -> Frame | None:
        """Where in the installed packages the first cause was raised; None where no traceback tells."""
        return next((frame for frame in reversed(self.innermost.frames) if frame.installed), None)

    @property
    def package(self) -> str | None:
        """The canonical name of the distribution that there is no solution for, or that does not build."""
        name = self.built if self.conflict is None else self.conflict.package
        return None if name is None else canonicalize_name(name)

    @property
    def askers(self) -> frozenset[str]:
        """The canonical names of those whose requirements clash."""
        return self.conflict.askers if isinstance(self.conflict, Clash) else frozenset()


def facts_of(cell: Cell) -> Facts | None:
    """The facts of a broken or unstable cell; None of any other one.

    A failed build may have left no check: then what is known of it is what the cell says.
    """
    if cell.failed is None or cell.outcome not in (Outcome.BROKEN, Outcome.UNSTABLE):
        return None
    checks = (one for one in cell.checks if one.required and one.stage is cell.failed and one.outcome in FAILED)
    told = Check(
        id=cell.failed.value,
        stage=cell.failed,
        required=True,
        outcome=CheckOutcome.FAILED,
        message=cell.message,
        data={"exception": cell.exception},
    )
    return facts_of_check(next(checks, told))


def facts_of_check(check: Check) -> Facts:
    """The facts of a failed check, required or not."""
    text = str(check.data.get("traceback") or "")
    exception = check.data.get("exception")
    blocks = [_frames(block) for block in _LINK.split(text)]
    outer = Raised(exception=str(exception or ""), message=check.message, frames=blocks[-1])
    if exception == CONFLICT:
        conflict = conflict_of(check.message)
        told = () if conflict is None else (Raised(exception=type(conflict).__name__, message=str(conflict)),)
        return Facts(stage=check.stage, chain=(outer, *told), conflict=conflict)
    if exception == BUILD:
        ended = builds.ended_by(check.message)
        frames = _frames(check.message)
        told = () if ended is None else (Raised(exception=ended[0], message=ended[1], frames=frames),)
        return Facts(stage=check.stage, chain=(outer, *told), frames=frames, built=builds.built(check.message))
    return Facts(stage=check.stage, chain=_chain(outer, check.data, blocks), frames=tuple(itertools.chain(*blocks)))


def _chain(outer: Raised, data: Mapping[str, Any], blocks: Sequence[tuple[Frame, ...]]) -> tuple[Raised, ...]:
    """The chain as the probe recorded it, or what there is to say of a failure that no exception made."""
    causes = [str(cause) for cause in data.get("causes") or ()]
    # the traceback begins with the first cause; where its links are not those of the chain, none is taken for a cause
    links = list(reversed(_LINK.findall(str(data.get("traceback") or ""))))
    known = len(links) == len(causes) - 1
    found = []
    for depth, cause in enumerate(causes):
        exception, colon, told = cause.partition(": ")
        handled = depth > 0 and not (known and all("direct cause" in link for link in links[:depth]))
        name = exception if colon else exception.removesuffix(":")
        frames = blocks[-1 - depth] if depth < len(blocks) else ()
        found.append(Raised(exception=name, message=told, handled=handled, frames=frames))
    return tuple(found) or (outer,)


def _frames(text: str) -> tuple[Frame, ...]:
    found = []
    for match in _FRAME.finditer(text):
        site = _SITE.search(match["file"])
        file = site["inside"] if site else match["file"]
        found.append(Frame(file=file, function=match["function"].strip(), installed=site is not None))
    return tuple(found)
