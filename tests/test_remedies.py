"""Remedies: what is tried, in which order, and what may be called one. Real installations of tiny wheels throughout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from cures import (
    FILE,
    LAYERED,
    WORKS,
    catalogue,
    missing_file,
    remedies_of,
    remedy_index,
    run,
    search,
    signature,
    words,
)
from factories import make_cell, make_environment, make_results
from html_page import whole
from miniature import MiniatureIndex
from tiny_lab import Surroundings, package, sdist

from asrcompat.explain.remedies import record
from asrcompat.explain.remedies.attach import attached
from asrcompat.explain.remedies.trial import Found
from asrcompat.explain.remedies.trying import NoRoom, OutOfTime
from asrcompat.explain.signatures.entry import Cure, Step
from asrcompat.lab.change import Change
from asrcompat.model import Cell, EnvironmentResult, Outcome, Stage, Trials
from asrcompat.remedying.bench import Bench
from asrcompat.report.render import markdown_pages


@pytest.fixture
def index() -> Iterator[MiniatureIndex]:
    with remedy_index() as served:
        yield served


def test_the_least_intrusive_cure_is_tried_first_and_the_first_that_works_ends_it(
    bench: Surroundings, index: MiniatureIndex
) -> None:
    package(index, "s3prl", "0.2", WORKS)
    known = missing_file(("axis", "s3prl=0.2"), ("file", "preprocessor_config.json"), ("variable", "WORD=x"))
    assert words(run(bench, catalogue(known))) == [
        ("file preprocessor_config.json", True),
        ("variable WORD=x", False),
    ]
    assert [identity.partition("+")[2] for identity, _ in bench.probed] == [
        "",
        "variable-WORD-x",
        "file-preprocessor_config.json",
    ]


def test_a_remedy_is_a_derived_environment_with_its_lock_and_what_to_paste(bench: Surroundings) -> None:
    (remedy,) = run(bench, catalogue(missing_file(("file", "preprocessor_config.json"))))
    assert remedy.id == f"{bench.request.id}+file-preprocessor_config.json"
    assert remedy.environment == bench.request.id
    assert remedy.lock == f"locks/{remedy.id}.txt"
    assert remedy.signatures == ("no-file",)
    (cell,) = remedy.cells
    assert (cell.before, cell.outcome, cell.miss) == ("broken at load", Outcome.WORKS, None)
    assert cell.evidence is not None
    assert remedy.differences == ()
    assert "write_text('''{\n  \"do_normalize\"" in remedy.snippets[0]["text"]
    compile(remedy.snippets[0]["text"], "snippet", "exec")


def test_a_wrong_cure_ends_as_tried_and_unverified(bench: Surroundings) -> None:
    (remedy,) = run(bench, catalogue(missing_file(("pin", "helper<2"))))
    assert (remedy.verified, remedy.cells[0].outcome) == (False, Outcome.BROKEN)
    assert (remedy.snippets, remedy.lock) == ((), None)


def test_cures_of_what_fails_next_are_added_where_one_alone_climbs_further(
    bench: Surroundings, index: MiniatureIndex
) -> None:
    package(index, "s3prl", "0.1", LAYERED.format(enough=False))
    word = signature("no-word", "the word is missing", ("variable", "WORD=x"))
    (both, first, *rest) = run(bench, catalogue(word, missing_file(("file", "preprocessor_config.json"))))
    assert words([both, first]) == [
        ("file preprocessor_config.json and variable WORD=x", True),
        ("variable WORD=x", False),
    ]
    assert both.needless == ()
    # each part was dropped once; without the file is what was tried first
    assert words(rest) == [("file preprocessor_config.json", False)]


def test_a_part_that_makes_no_difference_is_left_out(bench: Surroundings, index: MiniatureIndex) -> None:
    package(index, "s3prl", "0.1", LAYERED.format(enough=True))
    word = signature("no-word", "the word is missing", ("variable", "WORD=x"))
    found = run(bench, catalogue(word, missing_file(("file", "preprocessor_config.json"))))
    assert words(found) == [("file preprocessor_config.json", True), ("variable WORD=x", False)]
    assert found[0].needless == ({"kind": "variable", "value": "WORD=x"},)


def ended_after(one: Bench, runs: int, end: Exception) -> Found:
    """What is found where so many runs are made, and the next one ends like this."""
    made: list[tuple[Change, ...]] = []

    def limited(changes: tuple[Change, ...], cells: Sequence[Cell], trials: int) -> EnvironmentResult | None:
        made.append(changes)
        if len(made) > runs:
            raise end
        return one.attempt(changes, cells, trials)

    one.search.trying.attempt = limited
    return one.search.run(one.task.cells)


@pytest.mark.parametrize("end", [OutOfTime(), NoRoom("the disk is full")], ids=["out of time", "no room"])
def test_what_works_stands_where_it_cannot_be_made_smaller_and_says_so(
    bench: Surroundings, index: MiniatureIndex, end: Exception
) -> None:
    package(index, "s3prl", "0.1", LAYERED.format(enough=False))
    word = signature("no-word", "the word is missing", ("variable", "WORD=x"))
    one = search(bench, catalogue(word, missing_file(("file", "preprocessor_config.json"))))
    found = ended_after(one, 2, end)
    (remedy, *_) = remedies_of(one, found)
    assert words([remedy]) == [("file preprocessor_config.json and variable WORD=x", True)]
    assert "It may be more than is needed" in remedy.says
    assert found.unfinished


def test_one_run_serves_all_cells_of_the_environment(bench: Surroundings) -> None:
    bench.settings = replace(bench.settings, paths=("s3prl-hf", "espnet-s3prl"))
    (remedy,) = run(bench, catalogue(missing_file(("file", "preprocessor_config.json"))))
    assert [(cell.path, cell.outcome) for cell in remedy.cells] == [
        ("s3prl-hf", Outcome.WORKS),
        ("espnet-s3prl", Outcome.WORKS),
    ]
    assert len(bench.probed) == 2


def test_a_set_that_several_cells_need_is_run_and_made_smaller_once(bench: Surroundings, index: MiniatureIndex) -> None:
    package(index, "s3prl", "0.1", LAYERED.format(enough=False))
    bench.settings = replace(bench.settings, paths=("s3prl-hf", "espnet-s3prl"))
    word = signature("no-word", "the word is missing", ("variable", "WORD=x"))
    both, *_ = run(bench, catalogue(word, missing_file(("file", "preprocessor_config.json"))))
    assert [cell.outcome for cell in both.cells] == [Outcome.WORKS, Outcome.WORKS]
    # as installed; then the variable, both, the file alone
    asked = ("s3prl-hf", "espnet-s3prl")
    assert [paths for _, paths in bench.probed] == [asked] * 4


def test_what_was_unstable_on_the_way_needs_enough_steps_as_well(bench: Surroundings, index: MiniatureIndex) -> None:
    """Broken as installed, unstable with the variable, working with the file too: ten steps might pass by luck."""
    package(index, "s3prl", "0.1", LAYERED.format(enough=False))
    bench.shaky = (f"{bench.request.id}+variable-WORD-x", Trials(passed=8, of=10))
    word = signature("no-word", "the word is missing", ("variable", "WORD=x"))
    both, *_ = run(bench, catalogue(word, missing_file(("file", "preprocessor_config.json"))))
    assert words([both]) == [("file preprocessor_config.json and variable WORD=x", True)]
    (cell,) = both.cells
    assert cell.trials is not None
    assert cell.trials.of == 21
    assert cell.miss == pytest.approx(0.8**21)
    assert bench.train_seconds[-1] == pytest.approx(bench.settings.limits.train_seconds * 2.1)


def test_a_second_search_runs_nothing(bench: Surroundings, index: MiniatureIndex) -> None:
    known = catalogue(missing_file(("pin", "helper<2"), ("pin", "helper==9"), ("file", "preprocessor_config.json")))
    first = run(bench, known)
    probed = list(bench.probed)
    index.asked.clear()
    assert run(bench, known) == first
    assert bench.probed == probed
    assert index.asked == []


def test_a_cure_that_does_not_resolve_is_tried_and_the_next_one_runs(bench: Surroundings) -> None:
    found = run(bench, catalogue(missing_file(("pin", "helper==9"), ("shim", "torchaudio_backend"))))
    assert words(found) == [("helper==9", False), ("shim torchaudio_backend", False)]
    assert (found[0].cells[0].outcome, found[0].cells[0].stage) == (Outcome.BROKEN, Stage.RESOLVE)


def test_a_cure_that_does_not_install_is_tried_and_unverified(bench: Surroundings, index: MiniatureIndex) -> None:
    index.files["unbuildable-1.0.tar.gz"] = sdist("unbuildable", "raise SystemExit('cannot be built')")
    (remedy,) = run(bench, catalogue(missing_file(("extra", "unbuildable==1.0"))))
    assert not remedy.verified
    assert (remedy.cells[0].outcome, remedy.cells[0].stage) == (Outcome.BROKEN, Stage.INSTALL)
    assert "cannot be built" in remedy.cells[0].message


def test_an_error_of_the_harness_counts_neither_way_and_is_said(bench: Surroundings) -> None:
    bench.trouble.add(f"{bench.request.id}+variable-WORD-x")
    known = catalogue(missing_file(("variable", "WORD=x"), ("file", "preprocessor_config.json")))
    found = run(bench, known)
    assert words(found) == [("file preprocessor_config.json", True), ("variable WORD=x", False)]
    assert found[1].cells[0].outcome is Outcome.ERROR
    assert any("error" in line and "says nothing about the change" in line for line in bench.said)
    bench.trouble.clear()
    assert run(bench, known)[1].cells[0].outcome is Outcome.BROKEN  # tried again, since nothing was learned


def test_what_makes_no_other_environment_is_not_tried(bench: Surroundings) -> None:
    assert run(bench, catalogue(missing_file(("axis", "s3prl=0.1"), ("pin", "helper==2.0")))) == ()
    assert [identity for identity, _ in bench.probed] == [bench.request.id]


def test_a_configuration_that_says_so_already_is_not_tried(
    bench: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = missing_file(("config", "frontend_conf.multilayer_feature=true"))
    base = bench.base()
    probed = list(bench.probed)
    one = search(bench, catalogue(known), base)
    monkeypatch.setattr(one.search, "_move", lambda _: None)
    assert remedies_of(one, one.search.run(one.task.cells)) == ()
    assert bench.probed == probed
    assert any("changes nothing here" in line for line in bench.said)


def test_a_cure_that_cannot_be_made_is_told_and_the_next_one_runs(bench: Surroundings) -> None:
    known = missing_file(
        ("config", "nowhere.at.all=1"), ("file", "no-such-file.json"), ("file", "preprocessor_config.json")
    )
    assert words(run(bench, catalogue(known))) == [("file preprocessor_config.json", True)]
    said = " ".join(bench.said)
    assert "config nowhere.at.all=1: not tried: no configuration of espnet/ has a place for" in said
    assert "file no-such-file.json: not tried: there is no no-such-file.json to add" in said


def test_without_a_cure_the_nearest_release_that_works_is_found(bench: Surroundings, index: MiniatureIndex) -> None:
    for version in ("0.2", "0.3"):
        package(index, "s3prl", version, FILE)
    for version in ("0.4", "0.5"):
        package(index, "s3prl", version, WORKS)
    found = run(bench, {})
    assert words(found)[0] == ("s3prl=0.4", True)
    assert set(words(found)[1:]) == {("s3prl=0.2", False), ("s3prl=0.3", False)}
    assert found[0].differences == ("s3prl 0.1 -> 0.4",)
    assert found[0].snippets[0]["text"] == "pip install s3prl==0.4\n"


def test_after_the_deadline_nothing_is_begun_and_what_was_found_stands(bench: Surroundings) -> None:
    one = search(bench, catalogue(missing_file(("pin", "helper<2"), ("shim", "torchaudio_backend"))))
    runs: list[tuple[Change, ...]] = []

    def attempt(changes: tuple[Change, ...], cells: Sequence[object], trials: int) -> EnvironmentResult | None:
        runs.append(changes)
        if len(runs) > 1:
            raise OutOfTime
        return one.attempt(changes, one.task.cells, trials)

    one.search.trying.attempt = attempt
    found = one.search.run(one.task.cells)
    assert found.unfinished
    assert words(remedies_of(one, found)) == [("helper<2", False)]


def test_a_cure_that_is_none_is_told_and_passed_over(bench: Surroundings) -> None:
    known = catalogue(missing_file(("axis", "numpy=1"), ("file", "preprocessor_config.json")))
    assert words(run(bench, known)) == [("file preprocessor_config.json", True)]
    assert any("signature no-file: not tried" in line for line in bench.said)


def test_an_outcome_is_never_changed_by_a_remedy_and_both_forms_tell_of_it(bench: Surroundings) -> None:
    base = bench.base()
    found = run(bench, catalogue(missing_file(("variable", "WORD=x"), ("file", "preprocessor_config.json"))))
    results = make_results(base.cells, [base.environment])
    cured = attached(results, found)
    assert [replace(cell, remedy=None) for cell in cured.cells] == list(results.cells)
    assert [cell.remedy for cell in cured.cells] == [f"{bench.request.id}+file-preprocessor_config.json"]
    for text in (markdown_pages(cured)["compatibility.md"], whole(cured)):
        plain = text.replace("\\", "").replace("&#8288;", "")
        assert "as installed: broken at load; with" in plain
        assert "huggingface_hub.snapshot_download" in plain
        assert "Tried, and no remedy: 1 change" in plain
    assert "Remedies" not in markdown_pages(results)["compatibility.md"]


def test_a_cell_that_stands_elsewhere_by_now_has_no_remedy(bench: Surroundings) -> None:
    base = bench.base()
    found = run(bench, catalogue(missing_file(("file", "preprocessor_config.json"))))
    elsewhere = tuple(make_cell(base.environment, cell.path, Outcome.BROKEN, Stage.STEP) for cell in base.cells)
    works = tuple(make_cell(base.environment, cell.path) for cell in base.cells)
    for cells in (elsewhere, works):
        assert [cell.remedy for cell in attached(make_results(cells, [base.environment]), found).cells] == [None]


def test_a_record_keeps_what_it_says_of_cells_that_were_not_looked_at(bench: Surroundings, tmp_path: Path) -> None:
    environment = make_environment()
    first, second = (
        record.Record(
            environment=environment.id,
            lock_sha256=environment.lock_sha256,
            code=environment.code,
            failures={f"{path} on cpu": "broken at load"},
            remedies=tuple(
                replace(one, id="same", cells=(replace(one.cells[0], path=path),))
                for one in run(bench, catalogue(missing_file(("file", "preprocessor_config.json"))))
            ),
        )
        for path in ("a", "b")
    )
    record.write(first, {}, tmp_path)
    said: list[str] = []
    old = record.read(environment, tmp_path, warn=said.append)
    assert old == first
    both = record.merged(second, old, [("b", "cpu")])
    assert [cell.path for cell in both.remedies[0].cells] == ["b", "a"]
    assert [cell.path for cell in record.merged(second, old, [("a", "cpu"), ("b", "cpu")]).remedies[0].cells] == ["b"]
    assert record.read(replace(environment, lock_sha256="other"), tmp_path, warn=said.append) is None
    assert "found with other packages" in said[0]


def test_after_the_deadline_what_is_remembered_is_told(bench: Surroundings) -> None:
    known = catalogue(missing_file(("file", "preprocessor_config.json")))
    first = run(bench, known)
    probed = list(bench.probed)
    one = search(bench, known, bench.base())
    one._means = replace(one._means, deadline=0.0)
    found = one.search.run(one.task.cells)
    assert (remedies_of(one, found), found.unfinished) == (first, False)
    assert bench.probed == probed


def test_a_remedy_keeps_its_lock_and_texts_where_another_cell_fails_with_it(bench: Surroundings) -> None:
    (works,) = run(bench, catalogue(missing_file(("file", "preprocessor_config.json"))))
    cell = replace(works.cells[0], path="a", outcome=Outcome.BROKEN)
    fails = replace(works, verified=False, lock=None, snippets=(), cells=(cell,))
    failures = {"a on cpu": "x", "s3prl-hf on cpu": "y"}
    old, new = (
        record.Record(
            environment="e",
            lock_sha256=None,
            code=None,
            failures=failures,
            remedies=(one,),
        )
        for one in (works, fails)
    )
    (both,) = record.merged(new, old, [("a", "cpu")]).remedies
    assert (both.verified, both.lock, both.snippets) == (True, works.lock, works.snippets)
    assert [one.path for one in both.cells] == ["a", "s3prl-hf"]


# Three things are missing, one after the other at one stage.
CHAIN = """
import os
def check(model, config, path):
    for name in ("ONE", "TWO", "THREE"):
        if not os.environ.get(name):
            raise RuntimeError(name.lower() + " is missing at import")
"""


def test_failures_one_after_the_other_at_one_stage_are_cured_together(
    bench: Surroundings, index: MiniatureIndex
) -> None:
    package(index, "s3prl", "0.1", CHAIN)
    names = ("one", "two", "three")
    known = catalogue(*(signature(name, f"{name} is missing", ("variable", f"{name.upper()}=1")) for name in names))
    assert words(run(bench, known))[0] == ("variable ONE=1 and variable THREE=1 and variable TWO=1", True)


def test_what_brings_no_other_failure_is_not_built_on(bench: Surroundings, index: MiniatureIndex) -> None:
    package(index, "s3prl", "0.1", CHAIN)
    one = signature("one", "one is missing", ("variable", "OTHER=1"), ("variable", "ANOTHER=1"))
    assert words(run(bench, catalogue(one))) == [("variable OTHER=1", False), ("variable ANOTHER=1", False)]


def test_changes_that_only_help_together_are_one_cure(bench: Surroundings, index: MiniatureIndex) -> None:
    """An extra whose own requirement another package excludes: it installs where that is overridden, and only there."""
    body = "import importlib.util\ndef check(*_):\n    if not importlib.util.find_spec('fairish'):\n"
    package(index, "s3prl", "0.1", body + "        raise ImportError('no fairish')\n", requires=("helper>=2",))
    package(index, "fairish", "1.0", requires=("helper<2",))
    alone = Cure(kind="extra", value="fairish==1.0", says="add it")
    together = replace(alone, also=(Step(kind="override", value="helper>=2"),))
    known = replace(signature("s", "no fairish"), cures=(alone, together))
    found = run(bench, catalogue(known))
    assert words(found) == [("override helper>=2 and fairish==1.0", True), ("fairish==1.0", False)]
    assert found[0].snippets[0]["text"] == (
        "pip install uv\ncat > overrides.txt <<'END'\nhelper>=2\nEND\n"
        "cat > requirements.txt <<'END'\ntorch==1.0\ntorchaudio==0.0\n"
        "transformers==2.0\ns3prl==0.1\nespnet==1\nfairish==1.0\nEND\n"
        "uv pip install --override overrides.txt -r requirements.txt\n"
    )
