"""In which order environments run: those of one torch after each other, so that each is fetched and kept once."""

from __future__ import annotations

from collections.abc import Sequence

from asrcompat.spec import Request


def by_stack(requests: Sequence[Request]) -> list[list[Request]]:
    """The environments in groups of one torch and one Python, for which torch has a file of its own.

    Each torch comes where it comes first, and so does each Python of it.
    """
    groups: dict[str, dict[str, list[Request]]] = {}
    for request in requests:
        groups.setdefault(request.torch, {}).setdefault(request.python, []).append(request)
    return [group for of_torch in groups.values() for group in of_torch.values()]
