"""Cells that a part of a claim looks at, made from what it asks for: for tests that must hold for every claim."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from factories import make_cell, make_check, make_environment
from hypothesis import find
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from asrcompat.model import Cell, Check, CheckOutcome, Device, Environment, Outcome, Stage

if TYPE_CHECKING:
    from asrcompat.explain.claims.document import Look

VERSIONS = {
    "s3prl": ("0.4.10", "0.4.14", "0.4.15", "0.4.18"),
    "torch": ("2.3.1", "2.8.0"),
    "transformers": ("4.41.2", "4.57.6", "5.23.0"),
    "espnet": ("202402", "202511"),
}


def environment_for(look: Look, identity: str = "suited") -> Environment:
    """Make an environment with versions that the part asks for."""
    packages = {
        package: next(version for version in versions if version in SpecifierSet(_asked(look).get(package, "")))
        for package, versions in VERSIONS.items()
    }
    return make_environment(identity, packages=packages)


def cell_for(look: Look, environment: Environment, *, supports: bool, **changes: Any) -> Cell:
    """Make a cell that supports the part, or contradicts it."""
    passes = (look.expect == "passes") is supports
    path = look.paths[0] if look.paths else "espnet-s3prl"
    device = look.devices[0] if look.devices else Device.CPU
    message = " ".join(said_like(pattern) for pattern in (look.message, look.about) if pattern) or "something"
    if look.stage is not None:
        outcome = Outcome.WORKS if passes else Outcome.BROKEN
        told = {} if passes else {"failed": look.stage, "message": message}
        return make_cell(environment, path, outcome, device=device, **{**told, **changes})
    assert look.check is not None
    made = check(look.check, passes, "" if passes else message, dict(look.data) if supports else {})
    base = make_cell(environment, path, device=device, **changes)
    return make_cell(environment, path, device=device, checks=(*base.checks, made), **changes)


@cache
def said_like(pattern: str) -> str:
    """Make a message in which the pattern is found."""
    return find(st.from_regex(pattern), lambda _: True)


def check(identity: str, passes: bool, message: str = "", data: dict[str, Any] | None = None) -> Check:
    """Make a check that decides nothing."""
    outcome = CheckOutcome.PASSED if passes else CheckOutcome.FAILED
    return make_check(Stage.FORWARD, outcome, id=identity, required=False, message=message, data=data or {})


def _asked(look: Look) -> dict[str, str]:
    return {str(package): specifier for package, specifier in look.when.items()}
