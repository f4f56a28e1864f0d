"""A plan from a miniature index by the real resolver: what it narrows a conflict down to, and what it tells of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from matrix_text import MATRIX, load
from miniature import MiniatureIndex, serving, wheel
from tiny_lab import sdist

from asrcompat.plan.assemble import Asked
from asrcompat.plan.builds import Builds
from asrcompat.plan.count import coverage_of
from asrcompat.plan.discover import discover
from asrcompat.plan.document import Plan, keep_plan, kept_plan
from asrcompat.plan.make import make_plan
from asrcompat.plan.prepare import Sources
from asrcompat.run.interpreters import Interpreter
from asrcompat.spec import Covering, Spec

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
ABSENT = "3.99"

WHEELS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("torch", "2.3.1", ()),
    ("torch", "2.8.0", ("setuptools>=77",)),
    ("torch", "2.15.0", ()),
    ("torchaudio", "2.3.1", ("torch==2.3.1",)),
    ("torchaudio", "2.8.0", ("torch==2.8.0",)),
    ("transformers", "4.41.2", ("torch",)),
    ("transformers", "5.0.0", ("numpy>=2",)),
    ("s3prl", "0.4.14", ("torch",)),
    ("s3prl", "0.4.18", ("numpy<2",)),
    ("espnet_s3prl", "2026.5.14", ()),
    ("espnet", "202402", ("setuptools<74",)),
    ("espnet", "202611", ("numpy<2", "numpy>=2")),
    ("numpy", "1.26.4", ()),
    ("numpy", "2.4.0", ()),
    ("setuptools", "70.0", ()),
    ("setuptools", "80.0", ()),
)


WIDE = f"""
[profiles.wide]
description = "what the tests cover; the table itself is made by them"

[profiles.wide.cover]
python = ["{HERE}"]
torch = "newest"
transformers = "newest"
s3prl = "newest"
espnet = "newest"
environments = 3
"""


@pytest.fixture(scope="module")
def index() -> Iterator[MiniatureIndex]:
    with serving(*WHEELS) as served:
        yield served


@pytest.fixture
def sources(tmp_path: Path, spec: Spec, index: MiniatureIndex, monkeypatch: pytest.MonkeyPatch) -> Sources:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    index.pages_trouble = index.files_trouble = "none"
    own = replace(spec.index, url=index.url)
    return Sources(index=own, torch_index=None, work=tmp_path / "work", seconds=60, fresh=False)


def asked(tmp_path: Path, *, environments: int = 40, **wishes: object) -> Asked:
    tmp_path.mkdir(exist_ok=True)
    spec = load(tmp_path, MATRIX + WIDE)
    wanted: dict[str, object] = {
        "python": (HERE,),
        "torch": ">=2",
        "transformers": ">=4",
        "s3prl": ("newest 2", "espnet-s3prl newest"),
        "espnet": "202402",
        **wishes,
    }
    covering = Covering(environments=environments, seed=1, **wanted)  # type: ignore[arg-type]
    return Asked(profile="wide", covering=covering, spec=replace(spec, pins=()), as_of=None, environments=environments)


def made(tmp_path: Path, sources: Sources, *, before: Plan | None = None, **wishes: object) -> Plan:
    return make_plan(asked(tmp_path / "spec", **wishes), sources, before=before, tell=lambda _: None)  # type: ignore[arg-type]


def conflicts(plan: Plan) -> dict[frozenset[tuple[str, str]], str]:
    return {frozenset(one.choices): one.reason for one in plan.pruned if one.kind == "conflict"}


def test_conflicts_are_narrowed_down_and_the_rest_is_covered(tmp_path: Path, sources: Sources) -> None:
    plan = made(tmp_path, sources)
    found = conflicts(plan)
    assert found.keys() == {
        frozenset({("torch", "2.8.0"), ("espnet", "202402")}),
        frozenset({("transformers", "5.0.0"), ("s3prl", "0.4.18")}),
    }
    assert "setuptools" in found[frozenset({("torch", "2.8.0"), ("espnet", "202402")})]
    covered = coverage_of(plan)
    assert covered.share == 1
    # torch 2.8.0 can be with nothing, for want of an espnet
    assert {pair for pair in covered.impossible if ("torch", "2.8.0") in pair} == {
        pair for pair in covered.impossible if ("transformers", "5.0.0") not in pair or ("torch", "2.8.0") in pair
    }
    assert all(one.lock_sha256 and one.row is not None and one.row["torch"] == "2.3.1" for one in plan.rows)


def test_a_pair_that_nothing_forbids_by_itself_names_what_together_does(tmp_path: Path, sources: Sources) -> None:
    plan = made(tmp_path, sources)
    pair = (("torch", "2.8.0"), ("transformers", "4.41.2"))
    (impossible,) = [one for one in plan.impossible if set(one.pair) == set(pair)]
    (number,) = impossible.pruned
    assert set(plan.pruned[number].choices) == {("torch", "2.8.0"), ("espnet", "202402")}


def test_what_cannot_be_at_all_is_banned_alone(tmp_path: Path, sources: Sources) -> None:
    plan = made(tmp_path, sources, espnet=">=202402", torch="2.3.1", s3prl=("0.4.14",))
    assert frozenset({("espnet", "202611")}) in conflicts(plan)


@pytest.mark.parametrize(
    ("says", "kind"),
    [("distutils is gone", "build"), ("Could not resolve host: index.crates.io", "error")],
)
def test_what_does_not_build_is_found_out_before_anything_is_installed(
    tmp_path: Path, sources: Sources, index: MiniatureIndex, monkeypatch: pytest.MonkeyPatch, says: str, kind: str
) -> None:
    """Narrowed down to what brings it; where the network is missing, its pairs are undecided and not impossible."""
    backend = f"def build_wheel(*_, **__): raise SystemExit({says!r})"
    monkeypatch.setitem(index.files, "unbuildable-1.0.tar.gz", sdist("unbuildable", backend))
    monkeypatch.setitem(
        index.files, "s3prl-0.4.17-py3-none-any.whl", wheel("s3prl", "0.4.17", requires=("unbuildable",))
    )
    plan = made(tmp_path, sources, s3prl=("0.4.14, 0.4.17",), torch="2.3.1")
    (refused,) = [one for one in plan.pruned if one.kind == kind]
    assert refused.choices == (("s3prl", "0.4.17"),)
    assert refused.reason.startswith("they bring unbuildable==1.0, of which there is no wheel here and which does not")
    assert says in refused.reason
    of_it = {pair for pair in (*[one.pair for one in plan.impossible], *plan.undecided) if ("s3prl", "0.4.17") in pair}
    assert len(of_it) == 5
    assert set(plan.undecided) == (of_it if kind == "error" else set())
    assert all(one.row is not None and one.row["s3prl"] == "0.4.14" for one in plan.rows)


def test_what_builds_is_built_once(
    tmp_path: Path, sources: Sources, this_python: Interpreter, index: MiniatureIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = tmp_path / "marks"
    backend = f"def build_wheel(*_, **__): open({str(marks)!r}, 'a').write('x'); raise SystemExit('no')"
    monkeypatch.setitem(index.files, "unbuildable-1.0.tar.gz", sdist("unbuildable", backend))
    builds = Builds(work=tmp_path, arguments=sources.install_arguments(), seconds=60, hours=1)
    first = builds.failure("unbuildable==1.0", this_python)
    assert first is not None
    assert builds.failure("unbuildable==1.0", this_python) == first
    assert marks.read_text() == "x"
    assert replace(builds, fresh=True).failure("unbuildable==1.0", this_python) == first
    assert marks.read_text() == "xx"
    (kept,) = (tmp_path / "builds").iterdir()
    kept.write_text("{")  # torn
    assert builds.failure("unbuildable==1.0", this_python) == first
    assert builds.failure("numpy==1.26.4", this_python) is None


def test_a_python_that_is_not_here_is_told_and_left_out(tmp_path: Path, sources: Sources) -> None:
    plan = made(tmp_path, sources, python=(HERE, ABSENT))
    assert plan.axes["python"] == (HERE,)
    assert ABSENT in plan.passed_over["python"]
    assert f"no Python {ABSENT}" in plan.passed_over["python"][ABSENT]


def test_the_budget_takes_the_most_valuable_and_tells_what_is_left(tmp_path: Path, sources: Sources) -> None:
    whole = made(tmp_path, sources)
    part = made(tmp_path, sources, environments=1)
    assert part.rows == whole.rows[:1]
    assert part.beyond == whole.rows[1:]
    assert coverage_of(part).uncovered


def test_an_index_that_fails_half_way_makes_pairs_undecided_and_none_impossible(
    tmp_path: Path, sources: Sources, index: MiniatureIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    def then_fail(*arguments: object, **options: object) -> object:
        try:
            return discover(*arguments, **options)  # type: ignore[arg-type]
        finally:
            index.pages_trouble = "500"

    monkeypatch.setattr("asrcompat.plan.make.discover", then_fail)
    plan = made(tmp_path, sources)
    assert plan.rows == ()
    assert plan.impossible == ()
    assert len(plan.undecided) == coverage_of(plan).all
    assert {one.kind for one in plan.pruned} == {"error"}


def test_new_releases_are_named_against_the_plan_before(
    tmp_path: Path, sources: Sources, index: MiniatureIndex
) -> None:
    before = made(tmp_path, sources)
    older = replace(before, releases={**before.releases, "transformers": ("4.41.2",)})
    assert made(tmp_path, sources, before=older).new == {"transformers": ("5.0.0",)}
    assert made(tmp_path, sources, before=before).new == {}


def test_as_of_a_day_the_tools_of_that_day_build(sources: Sources) -> None:
    assert "--exclude-newer" not in sources.install_arguments()
    arguments = sources.install_arguments("2024-07-01")
    assert arguments[arguments.index("--exclude-newer") + 1] == "2024-07-02T00:00:00+00:00"


def test_a_plan_is_kept_and_found_again_and_a_torn_one_is_passed_over(tmp_path: Path, sources: Sources) -> None:
    plan = made(tmp_path, sources)
    file = keep_plan(plan, sources.work)
    said: list[str] = []
    assert kept_plan(sources.work, "wide", None, warn=said.append) == plan
    file.write_text(file.read_text()[:300])
    assert kept_plan(sources.work, "wide", None, warn=said.append) is None
    assert "wide.json is not a plan" in said[0]
    assert kept_plan(sources.work, "other", None, warn=said.append) is None


def test_what_is_resolved_without_the_network_is_what_the_index_would_say(
    tmp_path: Path, sources: Sources, index: MiniatureIndex
) -> None:
    """The second plan in the same caches asks the index for its pages of releases, and for little more."""
    first = made(tmp_path, sources)
    index.asked.clear()
    again = made(tmp_path, sources)
    assert [one.lock_sha256 for one in again.rows] == [one.lock_sha256 for one in first.rows]
    assert len(index.asked) < 20
