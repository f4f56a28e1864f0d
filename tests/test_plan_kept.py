"""What was resolved is kept under a name that holds on every machine of the kind, and travels to other machines."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from asrcompat.plan.kept import Kept, packed, unpack
from asrcompat.plan.prepare import Sources, carried
from asrcompat.plan.resolve import Resolver
from asrcompat.run import uv
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock
from asrcompat.run.session import Locked
from asrcompat.spec import Index, Request, Spec

HERE = Interpreter(executable=Path("/here/python3.10"), version="3.10.13")
FACTS = ["project", ["--default-index", "x"]]
LOCK = Lock("[[packages]]\nname = 'torch'\nversion = '2.3.1'\n")
CONFLICT = uv.Failure(kind="conflict", message="they exclude each other")


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


def test_it_travels_and_counts_as_made_now(tmp_path: Path) -> None:
    """What a worker resolved itself before, to the other answer, is no answer any more."""
    kept = [Kept.of([name], work=tmp_path / "here") for name in ("aided", "unaided", "nowhere")]
    kept[0].write(LOCK)
    kept[1].write(CONFLICT)
    aged(kept[0].lock, 5)
    files = packed(kept)
    assert set(files) == {kept[0].lock.name, kept[1].conflict.name}
    there = {name: Kept.of([name], work=tmp_path / "there") for name in ("aided", "unaided")}
    there["aided"].write(CONFLICT)
    there["unaided"].write(LOCK)
    began = int(time.time())
    unpack(files, tmp_path / "there", anew=True)
    assert there["aided"].read(hours=1, since=began) == LOCK
    assert there["unaided"].read(hours=1, since=began) == CONFLICT
    assert len(list((tmp_path / "there" / "locks").iterdir())) == 2


@pytest.mark.parametrize("anew", [False, True])
def test_in_a_folder_that_both_machines_use_it_becomes_no_younger_by_itself(tmp_path: Path, anew: bool) -> None:
    kept = Kept.of(FACTS, work=tmp_path)
    kept.write(LOCK)
    aged(kept.lock, 5)
    unpack(packed([kept]), tmp_path, anew=anew)
    assert (kept.read(hours=4) == LOCK) == anew
    assert kept.read(hours=6) == LOCK


def test_the_newer_answer_counts(tmp_path: Path) -> None:
    kept = Kept.of(FACTS, work=tmp_path)
    for found in (LOCK, CONFLICT, LOCK):
        kept.write(found)
        assert kept.read(hours=1) == found
    kept.conflict.write_text("from a folder of earlier code, which left both", encoding="utf-8")
    aged(kept.lock, 2)
    assert kept.newest() == kept.conflict


def test_what_was_kept_before_a_moment_does_not_count_from_it_on(tmp_path: Path) -> None:
    kept = Kept.of(FACTS, work=tmp_path)
    kept.write(LOCK)
    aged(kept.lock, 1)
    assert kept.read(hours=2, since=time.time() - 7200) == LOCK
    assert kept.read(hours=2, since=time.time() - 1800) is None


@pytest.mark.parametrize("content", [b"", b"\xff\xfe"])
def test_a_conflict_that_says_nothing_is_none(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = Kept.of(FACTS, work=tmp_path)
    kept.write(CONFLICT)
    kept.conflict.write_bytes(content)
    assert kept.read(hours=1) is None
    assert f"passed over: {kept.conflict}" in capsys.readouterr().out


def test_all_that_a_request_was_resolved_to_travels(tmp_path: Path, spec: Spec) -> None:
    """With torch's own index and without it: where the one has a conflict, the other is asked."""
    sources = Sources(index=spec.index, torch_index="https://example.org/cpu", work=tmp_path, seconds=1, fresh=False)
    request = Request(python="3.10", torch="1.0", torchaudio="1.0", transformers="2.0", s3prl="0.1", espnet="1")
    for index in (sources.torch_index, None):
        own = replace(sources, torch_index=index).resolver(HERE, as_of=None)
        own.kept(request.pinned_requirements, overrides=request.override_requirements).write(
            CONFLICT if index else LOCK
        )
    files = carried(request, Locked(lock=LOCK, interpreter=HERE, text=LOCK.text), sources)
    assert sorted(text for text, _ in files.values()) == sorted([LOCK.text, CONFLICT.message])
