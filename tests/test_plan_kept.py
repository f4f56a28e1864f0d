"""What was resolved is kept under a name that holds on every machine of the kind, and travels to other machines."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from asrcompat.plan.kept import Kept, unpack
from asrcompat.plan.prepare import Sources, carried
from asrcompat.plan.resolve import Resolver, kept_of
from asrcompat.run import uv
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock
from asrcompat.run.session import Locked
from asrcompat.spec import Index, Pin, Request, Spec

HERE = Interpreter(executable=Path("/here/python3.10"), version="3.10.13")
FACTS = ["project", ["--default-index", "x"]]
LOCK = Lock("[[packages]]\nname = 'torch'\nversion = '2.3.1'\n")
OTHER = Lock("[[packages]]\nname = 'torch'\nversion = '2.3.0'\n")
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
    kept = [Kept.of([name], work=tmp_path / "here") for name in ("aided", "unaided")]
    kept[0].write(LOCK)
    kept[1].write(CONFLICT)
    aged(kept[0].lock, 5)
    files = {**kept[0].carried(LOCK), **kept[1].carried(CONFLICT)}
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
    unpack(kept.carried(LOCK), tmp_path, anew=anew)
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


AIDED = Request(
    python="3.10",
    torch="1.0",
    torchaudio="1.0",
    transformers="2.0",
    s3prl="0.1",
    espnet="1",
    pins=(Pin(requirements=("setuptools<81",), reason="it imports pkg_resources"),),
)


def places(tmp_path: Path, spec: Spec, request: Request) -> tuple[Sources, dict[str, Kept]]:
    """Where a request's answers are kept: from torch's own index and without it, with our aids and without them."""
    sources = Sources(index=spec.index, torch_index="https://example.org/cpu", work=tmp_path, seconds=1, fresh=False)
    found: dict[str, Kept] = {}
    for index in (sources.torch_index, None):
        own = replace(sources, torch_index=index).resolver(HERE, as_of=None)
        aided, unaided = kept_of(request, own)
        found |= {f"aided, {index}": aided, f"unaided, {index}": unaided}
    return sources, found


def travelling(tmp_path: Path, spec: Spec, request: Request, **kept: Lock | uv.Failure) -> dict[str, str]:
    """The texts that travel with a lock, of what is kept, by the place that they are for."""
    sources, there = places(tmp_path, spec, request)
    by_place = {"own": sources.torch_index, "common": None}
    for name, found in kept.items():
        which, _, place = name.partition("_")
        there[f"{which}, {by_place[place]}"].write(found)
    files = carried(request, Locked(lock=LOCK, interpreter=HERE, text=LOCK.text), sources)
    names = {file.name: name for name, one in there.items() for file in (one.lock, one.conflict)}
    return {names[name]: text for name, (text, _) in files.items()}


OWN, COMMON = "https://example.org/cpu", None


def test_what_travels_is_the_lock_and_what_was_told_on_the_way(tmp_path: Path, spec: Spec) -> None:
    found = travelling(tmp_path, spec, AIDED, aided_own=LOCK, unaided_own=CONFLICT, aided_common=OTHER)
    assert found == {f"aided, {OWN}": LOCK.text, f"unaided, {OWN}": CONFLICT.message}


def test_with_a_conflict_in_torchs_own_index_that_travels_too(tmp_path: Path, spec: Spec) -> None:
    found = travelling(tmp_path, spec, AIDED, aided_own=CONFLICT, aided_common=LOCK)
    assert found == {f"aided, {OWN}": CONFLICT.message, f"aided, {COMMON}": LOCK.text}


def test_what_somebody_resolved_since_does_not_travel(tmp_path: Path, spec: Spec) -> None:
    """The lock is the one that the run accepted, whatever lies under its name by now."""
    found = travelling(tmp_path, spec, replace(AIDED, pins=()), aided_own=OTHER)
    assert list(found.values()) == [LOCK.text]


def test_what_is_old_of_a_request_without_aids_does_not_travel(tmp_path: Path, spec: Spec) -> None:
    _, there = places(tmp_path, spec, AIDED)
    old = there[f"unaided, {OWN}"]
    old.write(CONFLICT)
    aged(old.conflict, 24 * 7)
    assert travelling(tmp_path, spec, AIDED, aided_own=LOCK) == {f"aided, {OWN}": LOCK.text}
