"""Shims: a module patched right after its import, by one ``sitecustomize.py`` on PYTHONPATH and no edited package.

A shim is a file of ``shims/`` with ``MODULE``, the module's name, and ``patch(module)``, which needs nothing around it.
"""

from __future__ import annotations

from collections.abc import Iterable

from asrcompat.lab.change import SHIMS

_HOOK = SHIMS / "_after_import.py"


def site_customisation(names: Iterable[str]) -> str:
    """The text of a ``sitecustomize.py`` with these shims in it: all that a person needs."""
    parts = [_HOOK.read_text(encoding="utf-8")]
    for name in names:
        text = (SHIMS / f"{name}.py").read_text(encoding="utf-8")
        parts.append(f"# --- {name}\n{text}\nPATCHES.append((MODULE, patch))\n")
    return "\n\n".join(parts)
