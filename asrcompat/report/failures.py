"""What kept cells from working, told once: cells that failed alike make one `Failure`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asrcompat.model import Cell, CheckOutcome, Outcome
from asrcompat.report import sanitize, words
from asrcompat.report.check import BUILDING
from asrcompat.report.grid import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_HEADLINE_LENGTH = 400
_REASON_LENGTH = 200
_TOLD = (Outcome.BROKEN, Outcome.UNSTABLE, Outcome.ERROR)
FAILED = (CheckOutcome.FAILED, CheckOutcome.UNSTABLE, CheckOutcome.ERROR)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One way to fail and the cells that failed so; the text is the first cell's, `known` its signature's title.

    `causes` are the exceptions that this one was raised from, the nearest first. `traceback` of a failed build is what
    the tool said.
    """

    number: int
    exception: str
    message: str
    traceback: str
    causes: tuple[str, ...]
    cells: tuple[Cell, ...]
    known: str = ""

    @property
    def signature(self) -> str | None:
        """The id of the signature that it was recognised by."""
        return self.cells[0].signature

    @property
    def anchor(self) -> str:
        """Where links to this failure lead."""
        return f"failure-{self.number}"

    @property
    def target(self) -> Target:
        """A link to this failure."""
        return Target(page="main", anchor=self.anchor)

    @property
    def title(self) -> str:
        """The failure in a headline: what it is known as, else what was raised; and where."""
        standings = dict.fromkeys(words.standing(cell.outcome, cell.stage) for cell in self.cells)
        raised = self.exception.rpartition(".")[2]
        name = self.known or ("" if raised in words.OUR_EXCEPTIONS else raised)
        return ", ".join(filter(None, [name, *standings]))

    @property
    def reason(self) -> str:
        """The failure in a line: its cause where that is known, else its message."""
        cause = next((cell.cause for cell in self.cells if cell.cause), "")
        return sanitize.one_line(cause or self.message, _REASON_LENGTH)

    @property
    def headline(self) -> str:
        """The message; of a failed build, whose message is pages long, the beginning on one line."""
        return sanitize.one_line(self.message, _HEADLINE_LENGTH) if self._built else self.message

    @property
    def folded(self) -> str:
        """The long text, where it says more than the headline."""
        return "" if self.traceback == self.headline else self.traceback

    @property
    def folded_title(self) -> str:
        """What the long text is."""
        return "Full text" if self._built else "Traceback"

    @property
    def _built(self) -> bool:
        return self.cells[0].failed in BUILDING

    @property
    def hints(self) -> tuple[tuple[str, str], ...]:
        """Signature, cause and remedy as far as they are known, each once."""
        known = (
            (name, value)
            for cell in self.cells
            for name, value in (("Signature", cell.signature), ("Cause", cell.cause), ("Remedy", cell.remedy))
            if value
        )
        return tuple(sorted(dict.fromkeys(known), key=lambda hint: ("Cause", "Remedy", "Signature").index(hint[0])))


def failures(cells: Iterable[Cell], titles: Mapping[str, str] | None = None) -> tuple[Failure, ...]:
    """Tell the distinct failures, in the order in which their first cells stand; `titles` are those of signatures."""
    groups: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        if cell.outcome in _TOLD:
            kind = "error" if cell.outcome is Outcome.ERROR else "failure"
            alike = words.alike(cell.message or _place(cell))
            groups.setdefault((kind, cell.signature or "", cell.exception or "", alike), []).append(cell)
    return tuple(_failure(number, group, titles or {}) for number, group in enumerate(groups.values(), start=1))


def traceback_of(cell: Cell) -> str:
    """Find the traceback of the check that decided the cell, or nothing."""
    return str(_decisive(cell).get("traceback") or "")


def _place(cell: Cell) -> str:
    """Find where a failure without a message was raised, since nothing else tells two bare asserts apart."""
    frames = [line for line in traceback_of(cell).splitlines() if line.lstrip().startswith('File "')]
    return frames[-1] if frames else ""


def _decisive(cell: Cell) -> dict[str, object]:
    failed = [check for check in cell.checks if check.outcome in FAILED and check.required]
    failed.sort(key=lambda check: (check.stage is not cell.failed, not check.data.get("traceback")))
    return dict(failed[0].data) if failed else {}


def _failure(number: int, cells: Sequence[Cell], titles: Mapping[str, str]) -> Failure:
    # The first cell speaks for all, but the first with a traceback has more to say.
    first = next((cell for cell in cells if traceback_of(cell)), cells[0])
    causes = _decisive(first).get("causes")
    text = traceback_of(first) or (first.message if first.failed in BUILDING else "")
    return Failure(
        number=number,
        exception=first.exception or "",
        message=first.message,
        traceback=text,
        causes=tuple(str(cause) for cause in causes[1:]) if isinstance(causes, list | tuple) else (),
        cells=tuple(cells),
        known=titles.get(first.signature or "", ""),
    )
