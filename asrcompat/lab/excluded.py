"""What matrix.toml leaves out, the laboratory's searches leave out too."""

from __future__ import annotations

from collections.abc import Sequence

from asrcompat.lab.change import Change
from asrcompat.lab.variant import variant
from asrcompat.spec import Request, Spec, matches


def excluded(spec: Spec, request: Request, changes: Sequence[Change]) -> str | None:
    """Why matrix.toml leaves out what the changes make of a request; None where it does not."""
    wanted = variant(request, changes, spec.pins)
    reason = next((rule.reason for rule in spec.exclude if matches(rule.when, wanted)), None)
    return None if reason is None else f"excluded by matrix.toml: {reason}"
