"""In which order environments run: those of one torch stack after each other, so that each is fetched and kept once."""

from __future__ import annotations

from collections.abc import Sequence

from asrcompat.spec import Request


def by_stack(requests: Sequence[Request]) -> list[list[Request]]:
    """The environments in groups of one torch, in the order in which each torch comes first."""
    groups: dict[str, list[Request]] = {}
    for request in requests:
        groups.setdefault(request.torch, []).append(request)
    return list(groups.values())
