"""Messages that say the same thing with other figures, as one message with the span of each figure.

A difference of 2.6e-05 here and 2.8e-05 there is one finding. Only measured figures are taken together, those with a
point or an exponent: 49 frames and 50 frames, or versions, are told apart.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

_T = TypeVar("_T", bound=Hashable)

# A number that stands alone: no part of a name, and neither part of a version nor of an address.
_FIGURE = re.compile(r"(?<![\w.:/-])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w/-])(?!\.\d)")


def together(told: Iterable[tuple[str, _T]]) -> list[tuple[str, tuple[_T, ...]]]:
    """Join the tellers of messages that differ in measured figures alone; the order is that of their first ones."""
    groups: dict[tuple[str, ...], list[tuple[str, _T]]] = {}
    for message, teller in told:
        groups.setdefault(tuple(_FIGURE.split(message)), []).append((message, teller))
    return [one for group in groups.values() for one in _joined(group)]


def _joined(group: Sequence[tuple[str, _T]]) -> list[tuple[str, tuple[_T, ...]]]:
    figures = [_FIGURE.findall(message) for message, _ in group]
    measured = [_measured(column) for column in zip(*figures, strict=True)]
    # What is counted keeps messages apart; what is measured doesn't.
    apart: dict[tuple[str, ...], list[int]] = {}
    for index, found in enumerate(figures):
        key = tuple(figure for figure, spans in zip(found, measured, strict=True) if not spans)
        apart.setdefault(key, []).append(index)
    return [
        (_spanned([group[index][0] for index in indices]), tuple(dict.fromkeys(group[index][1] for index in indices)))
        for indices in apart.values()
    ]


def _measured(figures: Sequence[str]) -> bool:
    return any("." in figure or "e" in figure for figure in figures)


def _spanned(messages: Sequence[str]) -> str:
    """The first message, with the span of each figure that differs."""
    columns = iter(list(zip(*(_FIGURE.findall(message) for message in messages), strict=True)))

    def span(_: re.Match[str]) -> str:
        distinct = sorted(set(next(columns)), key=lambda figure: (float(figure), figure))
        return distinct[0] if len(distinct) == 1 else f"{distinct[0]} to {distinct[-1]}"

    return _FIGURE.sub(span, messages[0])
