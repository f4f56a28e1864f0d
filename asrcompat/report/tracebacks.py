"""Tracebacks of checks that decide nothing, each kind once, with where it was seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from asrcompat.model import Cell, Check
from asrcompat.report import words
from asrcompat.report.failures import FAILED
from asrcompat.report.grid import Target
from asrcompat.report.where import where


@dataclass(frozen=True, kw_only=True)
class Traceback:
    """A traceback that stands for all of its kind."""

    number: int
    title: str
    text: str
    where: str

    @property
    def anchor(self) -> str:
        """Where links to it lead."""
        return f"traceback-{self.number}"


def tracebacks(
    seen: Iterable[tuple[Check, Cell]], numbers: Mapping[str, int]
) -> tuple[tuple[Traceback, ...], dict[int, Target]]:
    """Give the distinct tracebacks, and the one of each check by the check's identity in memory."""
    groups: dict[tuple[str, str, str], list[tuple[Check, Cell]]] = {}
    for check, cell in seen:
        exception = str(check.data.get("exception") or "")
        if (
            check.outcome in FAILED
            and check.data.get("traceback")
            and exception.rpartition(".")[2] not in words.OUR_EXCEPTIONS
        ):
            groups.setdefault((check.id, exception, words.alike(check.message)), []).append((check, cell))
    told = []
    targets: dict[int, Target] = {}
    for number, ((identity, exception, _), group) in enumerate(groups.items(), start=1):
        title = ", ".join(filter(None, [identity, exception.rpartition(".")[2]]))
        text = str(group[0][0].data["traceback"])
        seen_in = where([cell.key for _, cell in group], numbers)
        told.append(Traceback(number=number, title=title, text=text, where=seen_in))
        for check, _ in group:
            targets[id(check)] = Target(page="findings", anchor=told[-1].anchor)
    return tuple(told), targets
