"""Remedies in miniature: an index whose s3prl wants a file, signatures that cure it, and a search over both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from miniature import MiniatureIndex, serving
from tiny_lab import Surroundings, package

from asrcompat.explain.remedies import told
from asrcompat.explain.remedies.trial import Found
from asrcompat.explain.signatures.entry import Cure, Match, Signature
from asrcompat.lab.change import Kind, all_in_words
from asrcompat.model import EnvironmentResult, Remedy
from asrcompat.remedying.bench import Bench, Means, Task

# Wants a variable to be imported and a file to load, or the file alone; version 0.2 wants nothing.
LAYERED = """
import os
def check(model, config, path):
    there = os.path.exists(os.path.join(model, "preprocessor_config.json"))
    if not os.environ.get("WORD") and not (there and {enough}):
        raise RuntimeError("the word is missing at import")
    if not there:
        raise OSError("no preprocessor_config.json")
"""


FILE = """
import os
def check(model, config, path):
    if not os.path.exists(os.path.join(model, "preprocessor_config.json")):
        raise OSError("no preprocessor_config.json")
"""


REST = {"torch": "1.0", "transformers": "2.0", "s3prl": "0.1", "espnet": "1"}


WORKS = "def check(model, config, path): pass"


@contextmanager
def remedy_index() -> Iterator[MiniatureIndex]:
    """An index with what an environment is made of."""
    with serving(("torch", "1.0", ("helper",)), ("torchaudio", "0.0", ()), ("espnet", "1", ())) as served:
        for version in ("1.0", "2.0"):
            package(served, "helper", version)
        package(served, "transformers", "2.0")
        package(served, "s3prl", "0.1", FILE)
        yield served


def signature(name: str, message: str, *cures: tuple[Kind, str]) -> Signature:
    return Signature(
        id=name,
        title="t",
        cause="c",
        status="told",
        source=("s",),
        match=Match(message=message),
        cures=tuple(Cure(kind=kind, value=value, says=f"do {value}") for kind, value in cures),
    )


def catalogue(*entries: Signature) -> Mapping[str, Signature]:
    return {entry.id: entry for entry in entries}


def missing_file(*cures: tuple[Kind, str]) -> Signature:
    return signature("no-file", "no preprocessor_config", *cures)


def search(bench: Surroundings, known: Mapping[str, Signature], base: EnvironmentResult | None = None) -> Bench:
    base = base or bench.base()
    task = Task(request=bench.request, result=base, versions=base.environment.packages, cells=base.cells)
    means = Means(
        settings=bench.settings, sources=bench.sources, rules=(), catalogue=known, deadline=None, tell=bench.said.append
    )
    return Bench(task, means, bench.said.append)


def remedies_of(one: Bench, found: Found) -> tuple[Remedy, ...]:
    result = one.task.result
    hub = Path(__file__).parent.parent / "fixtures" / "hub"
    return told.remedies(result.environment, result.cells, found, model=result.model, hub=hub)


def run(bench: Surroundings, known: Mapping[str, Signature]) -> tuple[Remedy, ...]:
    one = search(bench, known)
    return remedies_of(one, one.search.run(one.task.cells))


def words(found: Sequence[Remedy]) -> list[tuple[str, bool]]:
    return [(all_in_words(one.changes), one.verified) for one in found]
