"""What was resolved is kept under a name that holds on every machine of the kind, and travels as old as it is."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from asrcompat.plan.kept import Carried, Kept, resolved_for
from asrcompat.plan.prepare import Sources, carried
from asrcompat.plan.resolve import Resolver
from asrcompat.run import uv
from asrcompat.run.interpreters import Interpreter, NoInterpreter
from asrcompat.run.lock import Lock
from asrcompat.spec import Index, Request, Spec

HERE = Interpreter(executable=Path("/here/python3.10"), version="3.10.13")
FACTS = ["project", ["--default-index", "x"]]
LOCK, CONFLICT = Lock("lock-version = '1.0'\n"), uv.Failure(kind="conflict", message="they exclude each other")


def resolver(tmp_path: Path, index: Index, interpreter: Interpreter = HERE) -> Resolver:
    return Resolver(interpreter=interpreter, index=index, torch_index=None, work=tmp_path, seconds=1)


def aged(file: Path, hours: float) -> None:
    moment = time.time() - 3600 * hours
    os.utime(file, (moment, moment))


@pytest.mark.parametrize("found", [LOCK, CONFLICT])
def test_what_was_found_is_read_while_it_is_young(found: Lock | uv.Failure, tmp_path: Path) -> None:
    kept = Kept.of(FACTS, work=tmp_path)
    assert kept.read(hours=1) is None
    kept.write(found)
    assert Kept.of(FACTS, work=tmp_path).read(hours=1) == found
    assert Kept.of(["another project", FACTS[1]], work=tmp_path).read(hours=1) is None
    for file in (kept.lock, kept.conflict):
        if file.exists():
            aged(file, 2)
    assert kept.read(hours=1) is None
    assert kept.read(hours=3) == found


def test_what_says_nothing_of_another_day_is_not_kept(tmp_path: Path) -> None:
    kept = Kept.of(FACTS, work=tmp_path)
    for kind in ("error", "build"):
        kept.write(uv.Failure(kind=kind, message="the index is down"))
    assert kept.read(hours=1) is None
    assert not list(tmp_path.rglob("*.txt"))


def test_its_name_tells_the_kind_of_machine_and_not_the_machine(
    tmp_path: Path, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["torch==2.3.1"]
    here = resolver(tmp_path, spec.index).kept(asked)
    elsewhere = replace(HERE, executable=Path("/there/bin/python"))
    assert resolver(tmp_path, spec.index, elsewhere).kept(asked) == here
    assert resolver(tmp_path / "other", spec.index).kept(asked).lock.name == here.lock.name
    assert resolver(tmp_path, spec.index, replace(HERE, version="3.10.14")).kept(asked) != here
    assert resolver(tmp_path, spec.index).kept(asked, overrides=["x"]) != here
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", "2.17"))
    assert resolver(tmp_path, spec.index).kept(asked) != here


def test_it_travels_as_old_as_it_is(tmp_path: Path) -> None:
    kept = [Kept.of([name], work=tmp_path / "here") for name in ("aided", "unaided", "nowhere")]
    kept[0].write(LOCK)
    kept[1].write(CONFLICT)
    aged(kept[0].lock, 5)
    packed = Carried.of(kept, made_for=resolved_for(HERE))
    assert set(packed.files) == {kept[0].lock.name, kept[1].conflict.name}
    packed.unpack(tmp_path / "there")
    there = Kept.of(["aided"], work=tmp_path / "there")
    assert there.read(hours=6) == LOCK
    assert there.read(hours=4) is None, "it does not become younger by travelling"
    assert Kept.of(["unaided"], work=tmp_path / "there").read(hours=1) == CONFLICT


def test_all_that_a_request_was_resolved_to_travels(
    tmp_path: Path, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With torch's own index and without it: where the one has a conflict, the other is asked."""
    monkeypatch.setattr("asrcompat.plan.prepare.find", lambda _: HERE)
    sources = Sources(index=spec.index, torch_index="https://example.org/cpu", work=tmp_path, seconds=1, fresh=False)
    request = Request(python="3.10", torch="1.0", torchaudio="1.0", transformers="2.0", s3prl="0.1", espnet="1")
    for index in (sources.torch_index, None):
        own = replace(sources, torch_index=index).resolver(HERE, as_of=None)
        own.kept(request.pinned_requirements, overrides=request.override_requirements).write(
            CONFLICT if index else LOCK
        )
    packed = carried(request, sources)
    assert packed is not None
    assert sorted(text for text, _ in packed.files.values()) == sorted([LOCK.text, CONFLICT.message])
    missing = NoInterpreter(wanted="3.10", reason="none is here")
    monkeypatch.setattr("asrcompat.plan.prepare.find", lambda _: missing)
    assert carried(request, sources) is None
