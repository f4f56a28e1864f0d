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

from asrcompat.errors import HarnessError
from asrcompat.plan.assemble import Asked
from asrcompat.plan.builds import Builds
from asrcompat.plan.count import coverage_of
from asrcompat.plan.discover import discover
from asrcompat.plan.document import Plan, keep_plan, kept_plan
from asrcompat.plan.make import make_plan
from asrcompat.plan.prepare import Sources
from asrcompat.plan.resolve import Resolver
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock
from asrcompat.spec import Covering, PinRule, Spec

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


def asked(tmp_path: Path, *, environments: int = 40, pins: tuple[PinRule, ...] = (), **wishes: object) -> Asked:
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
    return Asked(
        profile="wide",
        covering=covering,
        spec=replace(spec, pins=pins),
        as_of=None,
        environments=environments,
        where="matrix.toml: profiles.wide.cover",
    )


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
    [("distutils is gone", "build"), ("Could not resolve host: index.crates.io", "not here")],
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
    assert set(plan.undecided) == (of_it if kind == "not here" else set())
    assert all(one.row is not None and one.row["s3prl"] == "0.4.14" for one in plan.rows)


def test_what_cannot_even_tell_its_metadata_is_narrowed_down_and_proves_nothing(
    tmp_path: Path, sources: Sources, index: MiniatureIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails while resolving: without narrowing, every row with it would be asked for."""
    monkeypatch.setitem(index.files, "dumb-1.0.tar.gz", sdist("dumb", "raise SystemExit('no')", dynamic=True))
    bringing = wheel("s3prl", "0.4.17", requires=("dumb",))
    monkeypatch.setitem(index.files, "s3prl-0.4.17-py3-none-any.whl", bringing)
    plan = made(tmp_path, sources, s3prl=("0.4.14, 0.4.17",), torch="2.3.1")
    (refused,) = [one for one in plan.pruned if one.kind == "not here"]
    assert refused.choices == (("s3prl", "0.4.17"),)
    assert plan.impossible == ()


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
    assert again(builds).failure("unbuildable==1.0", this_python) == first
    assert marks.read_text() == "x"
    fresh = Builds(work=tmp_path, arguments=builds.arguments, seconds=60, hours=1, fresh=True)
    assert fresh.failure("unbuildable==1.0", this_python) == first
    assert marks.read_text() == "xx"
    (kept,) = (tmp_path / "builds").iterdir()
    kept.write_text("{")  # torn
    assert again(builds).failure("unbuildable==1.0", this_python) == first
    assert builds.failure("numpy==1.26.4", this_python) is None


def test_what_may_build_the_next_time_is_not_kept(
    tmp_path: Path, sources: Sources, this_python: Interpreter, index: MiniatureIndex
) -> None:
    builds = Builds(work=tmp_path, arguments=sources.install_arguments(), seconds=60, hours=1)
    index.pages_trouble = "500"
    first = builds.failure("numpy==1.26.4", this_python)
    assert first is not None
    assert first.kind == "error"
    index.pages_trouble = "none"
    assert builds.failure("numpy==1.26.4", this_python) == first  # of one plan
    assert again(builds).failure("numpy==1.26.4", this_python) is None


def again(builds: Builds) -> Builds:
    """The same for the next plan."""
    return Builds(work=builds.work, arguments=builds.arguments, seconds=60, hours=1)


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


def test_an_index_that_fails_half_way_ends_the_plan_and_nothing_is_impossible(
    tmp_path: Path, sources: Sources, index: MiniatureIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first rows, and not after every combination there is."""

    def then_fail(*arguments: object, **options: object) -> object:
        try:
            return discover(*arguments, **options)  # type: ignore[arg-type]
        finally:
            index.pages_trouble = "500"

    monkeypatch.setattr("asrcompat.plan.make.discover", then_fail)
    with pytest.raises(HarnessError, match="no plan: the resolver failed 8 times in a row"):
        made(tmp_path, sources)


def test_a_pin_of_this_project_is_not_told_as_the_packages_own(tmp_path: Path, sources: Sources) -> None:
    pin = PinRule(when={"transformers": ("==4.41.2",)}, requirements=("setuptools>=80",), reason="because")
    plan = made(tmp_path, sources, pins=(pin,), torch="2.3.1", s3prl=("0.4.14",))
    (refused,) = [one for one in plan.pruned if one.kind == "pin"]
    assert set(refused.choices) == {("transformers", "4.41.2"), ("espnet", "202402")}
    assert refused.reason.startswith("this project's pins (setuptools>=80) do not allow it")
    assert plan.impossible == ()
    assert {("transformers", "4.41.2")} <= {choice for pair in plan.undecided for choice in pair}


def test_a_lock_is_of_the_index_and_not_of_the_cache_alone(
    tmp_path: Path, sources: Sources, this_python: Interpreter
) -> None:
    """Of what the cache lacks the resolver takes what is there: a lock of it is not what the index gives."""
    resolver = Resolver(interpreter=this_python, index=sources.index, torch_index=None, work=tmp_path, seconds=60)
    old = resolver.lock(["numpy<2"])
    assert isinstance(old, Lock)
    assert old.versions["numpy"] == "1.26.4"
    new = resolver.lock(["numpy"])
    assert isinstance(new, Lock)
    assert new.versions["numpy"] == "2.4.0"


def test_only_a_conflict_in_both_indexes_is_one(tmp_path: Path, sources: Sources) -> None:
    """PyTorch's own index may lack a release that the common one has."""
    with serving(("torch", "2.3.1", ()), ("torchaudio", "2.3.1", ("torch==2.3.1",))) as own:
        plan = make_plan(
            asked(tmp_path / "spec", espnet="202402", s3prl=("0.4.14",), transformers="4.41.2", torch="2.3.1, 2.8.0"),
            replace(sources, torch_index=own.url),
            before=None,
            tell=lambda _: None,
        )
    # with setuptools the one clash that there is: had the missing torch 2.8.0 counted, torch alone would be banned
    assert conflicts(plan).keys() == {frozenset({("torch", "2.8.0"), ("espnet", "202402")})}


def test_what_another_version_in_place_would_cure_is_not_impossible(
    tmp_path: Path, sources: Sources, index: MiniatureIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """espnet brings a version that does not build, unless s3prl asks for an older one, which does."""
    for name, version, requires in (
        ("espnet", "202412", ("lib",)),
        ("s3prl", "0.4.16", ("lib<2",)),
        ("lib", "1.0", ()),
    ):
        monkeypatch.setitem(index.files, f"{name}-{version}-py3-none-any.whl", wheel(name, version, requires=requires))
    monkeypatch.setitem(
        index.files, "lib-2.0.tar.gz", sdist("lib", "def build_wheel(*_, **__): raise SystemExit('no')", "2.0")
    )
    plan = made(
        tmp_path, sources, espnet="202402, 202412", s3prl=("0.4.14, 0.4.16",), torch="2.3.1", transformers="4.41.2"
    )
    covered = coverage_of(plan)
    assert plan.impossible == ()
    assert len(covered.covered) <= len(covered.feasible)
    assert any(
        one.row is not None and (one.row["espnet"], one.row["s3prl"]) == ("202412", "0.4.16") for one in plan.rows
    )
    assert {one.kind for one in plan.pruned} == {"not here"}


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
