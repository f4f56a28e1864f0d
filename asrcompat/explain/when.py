"""When something was seen that a report tells on: in few words, or with all that has moved since."""

from __future__ import annotations

from asrcompat.model import Earlier, Environment

_SHOWN = 8  # packages that are named


def day(seen: Earlier | None) -> str:
    """When something was seen, where that was for an earlier report; nothing where it is of the present one."""
    if seen is None:
        return ""
    return "seen earlier" if seen.seen_at is None else f"seen on {seen.seen_at.partition('T')[0]}"


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
