"""When something was seen that a report tells on: in few words, or with all that has moved since."""

from __future__ import annotations

from asrcompat.model import Earlier, Environment

_SHOWN = 8  # packages that are named


def day_of(moment: str | None) -> str:
    """The day of a moment in UTC, ``on 2026-11-25``; nothing of one that is not known."""
    return "" if moment is None else f"on {moment.partition('T')[0]}"


def day(seen: Earlier | None) -> str:
    """When something was seen, where that was for an earlier report; nothing where it is of the present one."""
    if seen is None:
        return ""
    return f"seen {day_of(seen.seen_at) or 'earlier'}"


def in_words(seen: Earlier | None, environment: Environment | None) -> str:
    """The same, and what has moved since in the environment as it is reported now, where it is."""
    if seen is None:
        return ""
    other = environment is not None and seen.code != environment.code
    moved = [f"{name} {then} → {now}" for name, (then, now) in seen.moved.items()]
    more = f" and {len(moved) - _SHOWN} more" if len(moved) > _SHOWN else ""
    return (
        day(seen)
        + (f" by other code or settings of this project ({seen.commit or 'not known'})" if other else "")
        + (f"; moved since then: {', '.join(moved[:_SHOWN])}{more}" if moved else "")
    )
