"""What kept cells from working, told once: one `Failure` for each thing that went wrong, with what it said.

A recognised failure at one stage is one, whatever it said there; others are told apart by exception and the beginning
of the message.
"""

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
_TITLE_LENGTH = 80
_TOLD = (Outcome.BROKEN, Outcome.UNSTABLE, Outcome.ERROR)
FAILED = (CheckOutcome.FAILED, CheckOutcome.UNSTABLE, CheckOutcome.ERROR)


@dataclass(frozen=True, kw_only=True)
class Message:
    """One thing that a failure said, and the cells that it said so in; the text is the first cell's.

    `causes` are the exceptions that this one was raised from, the nearest first. `traceback` of a failed build is what
    the tool said.
    """

    exception: str
    text: str
    traceback: str
    causes: tuple[str, ...]
    cells: tuple[Cell, ...]

    @property
    def headline(self) -> str:
        """The message; of a failed build, whose message is pages long, the beginning on one line."""
        return sanitize.one_line(self.text, _HEADLINE_LENGTH) if self._built else self.text

    @property
    def folded(self) -> str:
        """The long text, where it says more than the headline."""
        return "" if self.traceback == self.headline else self.traceback

    @property
    def folded_title(self) -> str:
        """What the long text is."""
        return "Full text" if self._built else "Traceback"

    @property
    def others(self) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
        """What else its cells said, in a line each: a figure may differ, or what comes after the beginning."""
        own = sanitize.one_line(self.text, _REASON_LENGTH)
        said: dict[str, list[Cell]] = {}
        for cell in self.cells:
            said.setdefault(sanitize.one_line(cell.message, _REASON_LENGTH), []).append(cell)
        return tuple((text, tuple(cells)) for text, cells in said.items() if text not in ("", own))

    @property
    def _built(self) -> bool:
        return self.cells[0].failed in BUILDING


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One way to fail, and what it said; `known` is its signature's title."""

    number: int
    messages: tuple[Message, ...]
    known: str = ""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells that failed so."""
        return tuple(cell for message in self.messages for cell in message.cells)

    @property
    def signature(self) -> str | None:
        """The id of the signature that it was recognised by."""
        return self.cells[0].signature

    @property
    def causes(self) -> tuple[str, ...]:
        """What is known of why, each once."""
        return tuple(dict.fromkeys(cell.cause for cell in self.cells if cell.cause))

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
        """The failure in a headline: what it is known as, else what was raised and how that begins; and where."""
        standings = dict.fromkeys(words.standing(cell.outcome, cell.stage) for cell in self.cells)
        raised = self.messages[0].exception.rpartition(".")[2]
        told = ["" if raised in words.OUR_EXCEPTIONS else raised, self._begins]
        return ", ".join(filter(None, [self.known or ": ".join(filter(None, told)), *standings]))

    @property
    def reason(self) -> str:
        """The failure in a line: its cause where that is known, else its message where the title has not all of it."""
        said = sanitize.one_line(self.messages[0].text, _REASON_LENGTH)
        rest = said if self.known or said != self._begins else ""
        return sanitize.one_line(next(iter(self.causes), rest), _REASON_LENGTH)

    @property
    def _begins(self) -> str:
        return sanitize.one_line(self.messages[0].text, _TITLE_LENGTH)


def failures(cells: Iterable[Cell], titles: Mapping[str, str] | None = None) -> tuple[Failure, ...]:
    """Tell the distinct failures, in the order in which their first cells stand; `titles` are those of signatures."""
    groups: dict[tuple[str, ...], dict[tuple[str, ...], list[Cell]]] = {}
    for cell in cells:
        if cell.outcome in _TOLD:
            said = _said(cell)
            kind = "error" if cell.outcome is Outcome.ERROR else "failure"
            known = (cell.recognised,) if cell.recognised else ("", *said)
            groups.setdefault((kind, cell.stage or "", *known), {}).setdefault(said, []).append(cell)
    known_titles = titles or {}
    return tuple(
        Failure(
            number=number,
            messages=tuple(_message(alike) for alike in group.values()),
            known=known_titles.get(next(iter(group.values()))[0].signature or "", ""),
        )
        for number, group in enumerate(groups.values(), start=1)
    )


def traceback_of(cell: Cell) -> str:
    """Find the traceback of the check that decided the cell, or nothing."""
    return str(_decisive(cell).get("traceback") or "")


def _said(cell: Cell) -> tuple[str, str]:
    """What tells a message from others: a tool that builds begins all of its messages alike."""
    whole = cell.message.strip()
    text = whole if cell.failed in BUILDING else whole.partition("\n")[0]
    return (cell.exception or "", words.alike(text or _place(cell)))


def _place(cell: Cell) -> str:
    """Find where a failure without a message was raised, since nothing else tells two bare asserts apart."""
    frames = [line for line in traceback_of(cell).splitlines() if line.lstrip().startswith('File "')]
    return frames[-1] if frames else ""


def _decisive(cell: Cell) -> dict[str, object]:
    failed = [check for check in cell.checks if check.outcome in FAILED and check.required]
    failed.sort(key=lambda check: (check.stage is not cell.failed, not check.data.get("traceback")))
    return dict(failed[0].data) if failed else {}


def _message(cells: Sequence[Cell]) -> Message:
    # The first cell speaks for all, but the first with a traceback has more to say.
    first = next((cell for cell in cells if traceback_of(cell)), cells[0])
    causes = _decisive(first).get("causes")
    return Message(
        exception=first.exception or "",
        text=first.message,
        traceback=traceback_of(first) or (first.message if first.failed in BUILDING else ""),
        causes=tuple(str(cause) for cause in causes[1:]) if isinstance(causes, list | tuple) else (),
        cells=tuple(cells),
    )
