"""What is recommended was seen to work on all that was asked for, and is as near as anything tested is."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from factories import make_cell, make_environment, make_remedy
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from asrcompat.advice import Candidate, Cure, Question, answer, seen_in, wanted
from asrcompat.advice.question import Wanted
from asrcompat.errors import UsageError
from asrcompat.model import Device, Outcome, Results

PATHS = ("transformers", "s3prl-hf", "espnet-s3prl")
AXES = {
    "python": ["3.10", "3.11", "3.13"],
    "torch": ["2.3.1", "2.8.0", "2.11.0"],
    "transformers": ["4.41.2", "5.24.0"],
    "s3prl": ["0.4.15", "0.4.18", "espnet-s3prl 2026.5.14"],
    "espnet": ["202402", "202611"],
}


def make_candidate(
    *, outcomes: Mapping[tuple[str, str], Outcome] | None = None, identity: str = "", **versions: str
) -> Candidate:
    """An environment of these versions; all of its paths work on CPU unless said otherwise."""
    chosen = {axis: versions.get(axis, values[0]) for axis, values in AXES.items()}
    distribution, _, version = chosen["s3prl"].rpartition(" ")
    packages = {name: chosen[name] for name in ("torch", "transformers", "espnet")}
    packages |= {"torchaudio": chosen["torch"], distribution or "s3prl": version}
    environment = make_environment(
        identity or "-".join(chosen.values()), python=f"{chosen['python']}.2", packages=packages
    )
    outcomes = outcomes if outcomes is not None else {(path, "cpu"): Outcome.WORKS for path in PATHS}
    cells = {
        (path, device): make_cell(environment, path, outcome, device=Device(device))
        for (path, device), outcome in outcomes.items()
    }
    return Candidate(environment=environment, cells=cells, weights="synthetic-base", folder="reports")


def question(have: Mapping[str, str] | None = None, **wants: str) -> Question:
    had = {
        axis: Wanted(text=f"{axis} {version}", distribution=axis, versions=SpecifierSet(f"=={version}"))
        for axis, version in (have or {}).items()
    }
    return Question(wants={axis: wanted(axis, text) for axis, text in wants.items()}, have=had)


def names(fits: Sequence[Any]) -> list[str]:
    return [fit.candidate.environment.id for fit in fits]


environments = st.lists(
    st.builds(
        lambda outcomes, versions, identity: make_candidate(outcomes=outcomes, identity=identity, **versions),
        outcomes=st.dictionaries(
            st.tuples(st.sampled_from(PATHS), st.sampled_from(["cpu", "cuda"])), st.sampled_from(Outcome)
        ),
        versions=st.fixed_dictionaries({axis: st.sampled_from(values) for axis, values in AXES.items()}),
        identity=st.sampled_from(["", "a", "b"]),
    ),
    max_size=12,
)
questions = st.builds(
    lambda wants, have, paths, devices: Question(
        wants={axis: wanted(axis, text) for axis, text in wants.items()},
        have=question(have).have,
        paths=tuple(paths),
        devices=tuple(devices),
    ),
    wants=st.dictionaries(st.sampled_from(["python", "torch"]), st.sampled_from(["3.10", "3.11", "2", "2.8.0", "9"])),
    have=st.dictionaries(st.sampled_from(["transformers", "torch"]), st.sampled_from(["4.41.2", "2.8.0", "5.24.0"])),
    paths=st.sets(st.sampled_from(PATHS), min_size=1),
    devices=st.sets(st.sampled_from(["cpu", "cuda"]), min_size=1),
)


@settings(max_examples=300, deadline=None)
@given(known=environments, asked=questions)
def test_what_is_recommended_works_on_all_that_was_asked_for(known: list[Candidate], asked: Question) -> None:
    found = answer(asked, known)
    for fit in (*found.fits, *found.instead):
        for path in asked.paths:
            for device in asked.devices:
                assert fit.candidate.cells[path, device].outcome is Outcome.WORKS
    for fit in found.fits:
        for axis, wish in asked.wants.items():
            version = fit.candidate.environment.python if axis == "python" else fit.candidate.environment.packages[axis]
            assert wish.versions.contains(version)
    assert not (found.fits and found.instead)
    assert all(fit.unlike for fit in found.instead)
    for one in found.tried:
        assert one.wrong
        assert one.candidate.environment.id not in names(found.fits)
    assert found.count == len({one.environment.id for one in known})


@settings(max_examples=100, deadline=None)
@given(known=environments, asked=questions)
def test_the_order_in_which_reports_come_matters_only_among_twins(known: list[Candidate], asked: Question) -> None:
    single = list({one.environment.id: one for one in known}.values())
    versions = {json.dumps([one.environment.python, sorted(one.environment.packages.items())]) for one in single}
    if len(versions) == len(single):
        assert names(answer(asked, single).fits) == names(answer(asked, single[::-1]).fits)


def test_without_wishes_the_newest_comes_first() -> None:
    known = [make_candidate(torch="2.3.1"), make_candidate(torch="2.11.0"), make_candidate(torch="2.8.0")]
    found = answer(question(), known)
    assert [fit.candidate.environment.packages["torch"] for fit in found.fits] == ["2.11.0", "2.8.0", "2.3.1"]


def test_what_a_person_has_is_kept_where_that_works() -> None:
    known = [make_candidate(torch=torch, transformers=one) for torch in AXES["torch"] for one in AXES["transformers"]]
    first = answer(question(have={"torch": "2.8.0", "transformers": "4.41.2"}), known).fits[0]
    assert first.changes == ()
    assert first.candidate.environment.packages["torch"] == "2.8.0"


def test_of_two_that_change_one_thing_the_one_that_moves_it_less_comes_first() -> None:
    known = [make_candidate(torch="2.11.0"), make_candidate(torch="2.8.0")]
    found = answer(question(have={"torch": "2.3.1"}), [*known, make_candidate(outcomes={}, torch="2.3.1")])
    assert [fit.changes[0].to for fit in found.fits] == ["2.8.0", "2.11.0"]


def test_a_year_of_espnet_is_its_releases_of_that_year_and_the_nearest_to_that() -> None:
    known = [make_candidate(espnet=espnet) for espnet in ("202301", "202402", "202511", "202611")]
    fits = answer(question(espnet="2025"), known).fits
    assert [fit.candidate.version("espnet") for fit in fits] == ["202511"]
    without = answer(question(espnet="2025"), [one for one in known if one.version("espnet") != "202511"])
    assert [fit.candidate.version("espnet") for fit in without.instead] == ["202611", "202402", "202301"]
    assert wanted("torch", "2025").versions == SpecifierSet("==2025.*")


def test_where_nothing_fits_the_nearest_is_told_and_why_the_wanted_ones_do_not() -> None:
    broken = {(path, "cpu"): Outcome.BROKEN for path in PATHS}
    known = [
        make_candidate(python="3.13", torch="2.11.0", outcomes=broken),
        make_candidate(python="3.13", torch="2.8.0"),
        make_candidate(python="3.10", torch="2.3.1"),
    ]
    found = answer(question(python="3.13", torch="2.11"), known)
    assert found.fits == ()
    assert [len(fit.unlike) for fit in found.instead] == [1, 2]
    assert found.instead[0].unlike[0].distribution == "torch"
    assert [(path, cell is not None) for path, _, cell in found.tried[0].wrong] == [(path, True) for path in PATHS]


@pytest.mark.parametrize(
    ("wish", "first"),
    [(">=2.0,<2.3", "2.3.1"), ("2.9", "2.11.0"), (">=2.12", "2.11.0"), ("2.2", "2.3.1")],
)
def test_what_was_never_tested_is_near_to_what_stands_beside_it(wish: str, first: str) -> None:
    known = [make_candidate(torch=torch) for torch in AXES["torch"]]
    found = answer(question(torch=wish), known)
    assert found.instead[0].candidate.environment.packages["torch"] == first
    assert found.releases == {"torch": ("2.3.1", "2.8.0", "2.11.0")}


def test_what_says_nothing_of_the_packages_displaces_no_verdict() -> None:
    good = make_candidate(identity="same")
    for outcome in (Outcome.ERROR, Outcome.UNAVAILABLE):
        failed = {(path, "cpu"): outcome for path in PATHS}
        later = make_candidate(identity="same", outcomes=failed)
        later = dataclasses.replace(later, environment=dataclasses.replace(later.environment, ran_at="2030"))
        assert names(answer(question(), [good, later]).fits) == ["same"]
    broken = make_candidate(identity="same", outcomes={(path, "cpu"): Outcome.BROKEN for path in PATHS})
    small = dataclasses.replace(good, weights="synthetic-small")
    assert answer(question(), [broken, small]).fits == ()


def test_of_a_device_on_which_nothing_ran_nothing_is_known() -> None:
    asked = dataclasses.replace(question(), devices=("cuda",))
    assert answer(asked, [make_candidate()]).unseen == ("cuda",)
    assert answer(question(), [make_candidate()]).unseen == ()


def test_the_newest_of_one_distribution_is_as_new_as_that_of_another() -> None:
    known = [make_candidate(s3prl=version) for version in AXES["s3prl"]]
    assert [one.candidate.axis("s3prl") for one in answer(question(), known).fits] == [
        ("s3prl", "0.4.18"),
        ("espnet-s3prl", "2026.5.14"),
        ("s3prl", "0.4.15"),
    ]


def test_another_distribution_of_the_same_import_name_is_a_change() -> None:
    found = answer(question(have={"s3prl": "0.4.15"}), [make_candidate(s3prl="espnet-s3prl 2026.5.14")])
    assert [(one.before, one.to) for one in found.fits[0].changes] == [("0.4.15", "espnet-s3prl 2026.5.14")]
    asked = question(s3prl="espnet-s3prl")
    found = answer(asked, [make_candidate(), make_candidate(s3prl="espnet-s3prl 2026.5.14")])
    assert len(found.fits) == 1
    assert "espnet-s3prl" in found.fits[0].candidate.environment.packages


@pytest.mark.parametrize(
    ("axis", "text", "holds", "not_these"),
    [
        ("torch", "2.6", ["2.6.0", "2.6.1"], ["2.60.0", "2.5.1"]),
        ("torch", "2.6.0", ["2.6.0"], ["2.6.1"]),
        ("torch", ">=2.6,<2.9", ["2.8.0"], ["2.9.0"]),
        ("torch", "2.8.0+cu128", ["2.8.0"], ["2.8.1"]),
        ("torch", "2.8.*", ["2.8.0", "2.8.1"], ["2.9.0"]),
        ("torch", "2.8.x", ["2.8.0"], ["2.80.0"]),
        ("torch", "==2.8.0+cu128", ["2.8.0"], ["2.8.1"]),
        ("espnet", "202402", ["202402"], ["202412"]),
        ("s3prl", "espnet-s3prl 2026.5", ["2026.5.14"], ["2025.1"]),
        ("s3prl", "espnet-s3prl>=2026", ["2026.5.14"], ["2025.1"]),
    ],
)
def test_what_versions_a_text_means(axis: str, text: str, holds: list[str], not_these: list[str]) -> None:
    wish = wanted(axis, text)
    assert all(wish.holds(version) for version in holds)
    assert not any(wish.holds(version) for version in (*not_these, None))


@pytest.mark.parametrize("text", ["", "two", "2.6;", "newest please", "=>2"])
def test_what_is_no_version_is_refused_by_the_options_name(text: str) -> None:
    with pytest.raises(UsageError, match=r"--torch .*: give a version such as 2.6"):
        wanted("torch", text)


def test_of_an_environment_in_two_reports_the_last_run_that_tried_most_counts() -> None:
    old = make_candidate(identity="same")
    new = make_candidate(identity="same", outcomes={("transformers", "cpu"): Outcome.WORKS})
    assert names(answer(question(), [old, new]).fits) == ["same"]
    assert names(answer(question(), [new, old]).fits) == ["same"]


def test_a_persons_own_environment_and_one_without_a_lock_are_never_recommended() -> None:
    plain = make_environment("plain")
    own = make_environment("own", host="their-box")
    unlocked = make_environment("unlocked", lock=None, lock_sha256=None)
    cells = tuple(make_cell(one, path) for one in (plain, own, unlocked) for path in PATHS)
    results = Results(
        schema=1,
        model="m",
        weights="synthetic-base",
        profile="core",
        generated_at="2026-11-22T19:00:00+00:00",
        harness={},
        host={},
        environments=(plain, own, unlocked),
        cells=cells,
    )
    assert [one.environment.id for one in seen_in(results, "reports")] == ["plain"]


def test_of_those_that_will_not_do_the_first_is_one_that_can_be_cured() -> None:
    broken = {(path, "cpu"): Outcome.BROKEN for path in PATHS}
    nearly = make_candidate(identity="nearly", outcomes={**broken, ("transformers", "cpu"): Outcome.WORKS})
    cure = Cure(remedy=make_remedy("cured+change", "cured"), number=1, folder="reports", seen="")
    cured = dataclasses.replace(
        make_candidate(identity="cured", outcomes=broken), cures=dict.fromkeys(((path, "cpu") for path in PATHS), cure)
    )
    half = dataclasses.replace(cured, environment=make_environment("half"), cures={("transformers", "cpu"): cure})
    for order in ([nearly, half, cured], [cured, nearly, half]):
        assert names(answer(question(), order).tried) == ["cured", "nearly", "half"]
