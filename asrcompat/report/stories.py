"""What one check said: the same thing once, with the paths and environments that it was said in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asrcompat.model import Cell, Check, CheckOutcome
from asrcompat.report import alike, sanitize, words
from asrcompat.report.grid import Target
from asrcompat.report.where import where

WORST_FIRST = (
    CheckOutcome.FAILED,
    CheckOutcome.UNSTABLE,
    CheckOutcome.ERROR,
    CheckOutcome.PASSED,
    CheckOutcome.SKIPPED,
)
_MESSAGE_LENGTH = 600

Seen = tuple[Check, Cell]
CheckKey = tuple[str, str, str]  # id, stage and device


def key_of(one: Seen) -> CheckKey:
    """What a check is found by among the cells of a device."""
    check, cell = one
    return (check.id, check.stage.value, cell.device.value)


@dataclass(frozen=True, kw_only=True)
class Story:
    """What a check said, and where; `traceback` is where the exception is told."""

    outcome: CheckOutcome
    text: str
    where: str
    traceback: Target | None

    @property
    def sign(self) -> str:
        """One character for the outcome."""
        return words.CHECK_SIGNS[self.outcome]


@dataclass(frozen=True, kw_only=True)
class CheckStories:
    """All that one check said, what did not pass first; `target` is a link to it."""

    id: str
    target: Target
    stories: tuple[Story, ...]

    @property
    def signs(self) -> tuple[str, ...]:
        """The signs of its stories, each once."""
        return tuple(dict.fromkeys(story.sign for story in self.stories))


def stories(
    target: Target,
    seen: Sequence[Seen],
    came: Sequence[Cell],
    columns: Sequence[str],
    numbers: Mapping[str, int],
    tracebacks: Mapping[int, Target],
) -> CheckStories:
    """Tell one check, as it was `seen`, among the cells that `came` as far as its stage.

    Paths that say the same are told together; what differs in measured figures alone is told once per path. Some checks
    are written only where something happened: a path goes without numbers where every cell of it that came so far has
    the check, and not where merely all that have it agree.
    """
    among = {cell.path for _, cell in seen}
    so_far = [cell.key for _, cell in seen] + [cell.key for cell in came if cell.path in among]
    groups: dict[tuple[CheckOutcome, str], list[Seen]] = {}
    for path in columns:
        for outcome in WORST_FIRST:
            own = [one for one in seen if one[1].path == path and one[0].outcome is outcome]
            said = [(sanitize.one_line(one[0].message, _MESSAGE_LENGTH), index) for index, one in enumerate(own)]
            for text, indices in alike.together(said):
                if text:
                    groups.setdefault((outcome, text), []).extend(own[index] for index in indices)
    told = (
        Story(
            outcome=outcome,
            text=text,
            where=where([cell.key for _, cell in group], numbers, of=so_far),
            traceback=next((tracebacks[id(check)] for check, _ in group if id(check) in tracebacks), None),
        )
        for (outcome, text), group in sorted(groups.items(), key=lambda group: WORST_FIRST.index(group[0][0]))
    )
    return CheckStories(id=seen[0][0].id, target=target, stories=tuple(told))
