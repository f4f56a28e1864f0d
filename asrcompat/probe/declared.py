"""What an installed package's own metadata says of a module that it imports."""

from __future__ import annotations

import re
from typing import List


def declared(module: str, requirements: List[str]) -> str:
    """How requirements (``Requires-Dist``) speak of a module, in words."""
    extras = set()
    for line in requirements:
        named = re.match(r"[A-Za-z0-9._-]+", line)
        if named is None or _plain(named.group()) != _plain(module):
            continue
        found = re.findall(r"extra\s*==\s*['\"]([^'\"]+)", line)
        if not found:
            return "required"
        extras.update(found)
    return "only in the extras " + ", ".join(sorted(extras)) if extras else "not declared"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(*distributions: str) -> List[str]:
    """What the first of these distributions that is installed requires; raises where none is."""
    from importlib import metadata

    for name in distributions:
        try:
            return metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
    raise metadata.PackageNotFoundError(" or ".join(distributions))
