"""A plan and a checkout for tests: nothing in it was resolved, and nothing of it asks an index."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from matrix_text import MATRIX

from asrcompat.plan.document import Impossible, Plan, Planned, Pruned, keep_plan
from asrcompat.plan.space import Row

AXES = {
    "python": ("3.10", "3.12"),
    "torch": ("2.3.1", "2.8.0"),
    "transformers": ("4.41.2", "5.24.0"),
    "s3prl": ("0.4.14", "espnet-s3prl 2026.5.14"),
    "espnet": ("202402",),
}
OLD = dict(zip(AXES, ("3.10", "2.3.1", "4.41.2", "0.4.14", "202402"), strict=True))
NEW = dict(zip(AXES, ("3.12", "2.8.0", "5.24.0", "espnet-s3prl 2026.5.14", "202402"), strict=True))
OLD_ID = "py3.10-torch2.3.1-s3prl0.4.14-espnet202402-transformers4.41.2"
NEW_ID = "py3.12-torch2.8.0-espnet-s3prl2026.5.14-espnet202402-transformers5.24.0"
THIRD = {**NEW, "torch": "2.3.1", "s3prl": "0.4.14"}
THIRD_ID = "py3.12-torch2.3.1-s3prl0.4.14-espnet202402-transformers5.24.0"
CLASH = "error: No solution\n  cause: Because they clash.\n  And so on."
COVER = """
[profiles.wide]
description = "pairs"
findings = false

[profiles.wide.cover]
python = ["3.10", "3.12"]
torch = "2.3.1, 2.8.0"
transformers = "4.41.2, newest"
s3prl = ["0.4.14", "espnet-s3prl newest"]
espnet = "202402"
environments = 3
"""


def row(identity: str, values: Row, **changes: Any) -> Planned:
    made = Planned(id=identity, title="as it is", row=values, why="covers pairs", pairs=3, stack="torch")
    return replace(made, lock_sha256=sha256(identity.encode()).hexdigest(), **changes)


def make_plan(**changes: Any) -> Plan:
    """Two environments planned, one beyond the budget, a conflict, and what follows from it."""
    clash = (("python", "3.10"), ("torch", "2.8.0"))
    plan = Plan(
        profile="wide",
        made_at="2026-11-25T12:00:00+00:00",
        key="key",
        as_of=None,
        seed=0,
        budget="2 environments",
        axes=AXES,
        passed_over={"torch": {"2.15.0": "there is no torchaudio 2.15.0 to go with it"}},
        releases={"torch": ("2.3.1", "2.8.0")},
        rows=(row(OLD_ID, OLD), row(NEW_ID, NEW, files={"torch==2.8.0": 10**9, "odd==1": 0})),
        beyond=(row(THIRD_ID, THIRD),),
        pruned=(
            Pruned(choices=clash, kind="conflict", reason=CLASH),
            Pruned(choices=(("python", "3.12"), ("s3prl", "0.4.14")), kind="no files", reason="no file"),
        ),
        impossible=(Impossible(pair=clash, pruned=(0,)),),
        undecided=(),
    )
    return replace(plan, **changes)


def checkout(folder: Path, *, plan: Plan | None = None) -> Path:
    """A matrix.toml with a covering profile, and the kept plan of it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "matrix.toml"
    file.write_text(MATRIX + COVER, encoding="utf-8")
    if plan is not None:
        keep_plan(plan, folder / ".asrcompat")
    return file
