"""Remedies: what is tried, in which order, and what may be called one. Real installations of tiny wheels throughout."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from factories import make_cell, make_environment, make_results
from hypothesis import given
from hypothesis import strategies as st
from matrix_text import MATRIX
from miniature import MiniatureIndex, serving
from tiny_lab import Surroundings, make_bench, package

from asrcompat import cli
from asrcompat.errors import HarnessError
from asrcompat.explain.remedies import record, told
from asrcompat.explain.remedies.attach import attached, recorded
from asrcompat.explain.remedies.candidates import ORDER, Candidate, cures_of, intrusiveness
from asrcompat.explain.remedies.groups import groups, miss, trials_for
from asrcompat.explain.remedies.moves import asks_of, blamed, nearest
from asrcompat.explain.remedies.search import OutOfTime
from asrcompat.explain.remedies.trial import Found
from asrcompat.explain.signatures.entry import Cure, Match, Signature, Step
from asrcompat.explain.signatures.facts import facts_of
from asrcompat.lab.change import Change, Kind, all_in_words
from asrcompat.model import EnvironmentResult, Outcome, Remedy, RemedyCell, Stage, Trials
from asrcompat.options import Options
from asrcompat.remedying import command as command_module
from asrcompat.remedying.bench import Bench, Means, Task
from asrcompat.report.render import html, markdown_pages
from asrcompat.run import interpreters
from asrcompat.run.interpreters import Interpreter, NoInterpreter
from asrcompat.run.probing import REFERENCE_PATH
from asrcompat.run.store import Store
from asrcompat.spec import Spec

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


@pytest.fixture
def index() -> Iterator[MiniatureIndex]:
    with serving(("torch", "1.0", ("helper",)), ("torchaudio", "0.0", ()), ("espnet", "1", ())) as served:
        for version in ("1.0", "2.0"):
            package(served, "helper", version)
        package(served, "transformers", "2.0")
        package(served, "s3prl", "0.1", FILE)
        yield served


@pytest.fixture
def bench(
    tmp_path: Path, spec: Spec, index: MiniatureIndex, this_python: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> Surroundings:
    return make_bench(tmp_path, spec, index, this_python, monkeypatch)


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
    assert [paths for _, paths in bench.probed] == [asked, *[(REFERENCE_PATH, *asked)] * 3]


def test_the_reference_path_runs_along_and_is_not_told_of(bench: Surroundings) -> None:
    """Without it there is nothing to compare features with: what fails at parity would come out as working."""
    (remedy,) = run(bench, catalogue(missing_file(("variable", "WORD=x"))))
    assert bench.probed[-1][1] == (REFERENCE_PATH, "s3prl-hf")
    assert [cell.path for cell in remedy.cells] == ["s3prl-hf"]
    assert not any(f"{REFERENCE_PATH} on" in line for line in bench.said)


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


def sdist(name: str, backend: str) -> bytes:
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n',
        "own.py": backend,
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nDynamic: Requires-Dist\n",
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for file, text in files.items():
            info = tarfile.TarInfo(f"{name}-1.0/{file}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


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
    assert [identity for identity, _ in bench.probed if "s3prl-0.1" in identity.partition("+")[2]] == []


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


def test_what_does_not_resolve_is_cured_by_a_release_that_does(
    bench: Surroundings, command: list[str], index: MiniatureIndex, capsys: pytest.CaptureFixture[str]
) -> None:
    package(index, "s3prl", "0.1", WORKS, requires=("helper>=3",))
    package(index, "s3prl", "0.2", WORKS)
    bench.sources = replace(bench.sources, fresh=True)
    base = bench.base()
    assert (base.cells[0].failed, base.environment.lock) == (Stage.RESOLVE, None)
    Store(bench.settings.work, "synthetic-base").write(base, lock=None)
    bench.__dict__["known"] = {}
    assert cli.main(command) == 0
    assert "broken at resolve; with s3prl=0.2: works (verified)" in capsys.readouterr().out


def test_after_the_deadline_nothing_is_begun_and_what_was_found_stands(bench: Surroundings) -> None:
    one = search(bench, catalogue(missing_file(("pin", "helper<2"), ("shim", "torchaudio_backend"))))
    runs: list[tuple[Change, ...]] = []

    def attempt(changes: tuple[Change, ...], cells: Sequence[object], trials: int) -> EnvironmentResult | None:
        runs.append(changes)
        if len(runs) > 1:
            raise OutOfTime
        return one.attempt(changes, one.task.cells, trials)

    one.search._attempt = attempt
    found = one.search.run(one.task.cells)
    assert found.unfinished
    assert words(remedies_of(one, found)) == [("helper<2", False)]


def test_an_unstable_cell_is_cured_by_enough_steps_and_the_chance_of_a_miss_is_told() -> None:
    unstable = make_cell(outcome=Outcome.UNSTABLE, trials=Trials(passed=8, of=10))
    trials = trials_for([unstable, make_cell(outcome=Outcome.BROKEN)], 10)
    chance = miss([unstable, replace(unstable, trials=Trials(passed=1, of=10))], trials)
    assert chance is not None
    assert chance <= 0.01 < 0.8 ** (trials - 1)
    assert trials_for([make_cell(outcome=Outcome.BROKEN)], 10) == 10
    assert miss([make_cell(outcome=Outcome.BROKEN)], 10) is None


def test_cells_that_failed_alike_are_one_group() -> None:
    cell = make_cell(path="c", outcome=Outcome.BROKEN)
    another = replace(cell.checks[-1], data={"causes": ["ValueError: another"]})
    other = replace(cell, checks=(*cell.checks[:-1], another))
    cells = [make_cell(path=path, outcome=Outcome.BROKEN) for path in ("a", "b")]
    found = groups([*cells, other, make_cell(path="d")], {})
    assert [[cell.path for cell in group.cells] for group in found] == [["a", "b"], ["c"]]


def test_a_bound_on_an_axis_is_its_nearest_release_on_each_side() -> None:
    known = missing_file(("pin", "s3prl>=0.4.15,!=0.4.16"), ("pin", "torchaudio<2.9"))
    releases = {"s3prl": ["0.4.14", "0.4.15", "0.4.17"], "torchaudio": ["2.7.0", "2.8.0", "2.9.1"]}
    packages = {"s3prl": "0.4.14", "torchaudio": "2.9.1", "torch": "2.9.1"}
    found = cures_of(known, packages, lambda name: releases[name], tell=lambda _: None)
    assert [str(one.changes[0]) for one in found] == ["s3prl=0.4.15", "torch=2.8.0"]


def test_a_cure_that_is_none_is_told_and_passed_over(bench: Surroundings) -> None:
    known = catalogue(missing_file(("axis", "numpy=1"), ("file", "preprocessor_config.json")))
    assert words(run(bench, known)) == [("file preprocessor_config.json", True)]
    assert any("signature no-file: not tried" in line for line in bench.said)


def test_the_order_counts_the_most_intrusive_part_then_the_parts() -> None:
    one = [Change(kind="variable", value=f"N{number}=1") for number in range(3)]
    pin = Change(kind="pin", value="a<1")
    assert intrusiveness(one[:1]) < intrusiveness(one) < intrusiveness([pin]) < intrusiveness([pin, *one])
    assert len(ORDER) == 9


@st.composite
def lines(draw: st.DrawFn) -> tuple[list[bool], int]:
    """Which releases work, and which one, that does not, is installed."""
    good = draw(st.lists(st.booleans(), min_size=1, max_size=40))
    return good, draw(st.integers(0, len(good) - 1))


@given(lines())
def test_a_release_that_is_found_works_and_the_one_towards_the_installed_does_not(case: tuple[list[bool], int]) -> None:
    good, start = case
    good[start] = False
    line = [f"1.{number}" for number in range(len(good))]
    asked: list[str] = []

    def works(version: str) -> bool:
        asked.append(version)
        return good[line.index(version)]

    found = nearest(line, f"{line[start]}+cpu", works, asks=len(good))
    assert len(asked) == len(set(asked))
    if found is None:
        ends = {at for at in (0, len(good) - 1) if at != start}
        assert not any(good[at] for at in ends)
        return
    at = line.index(found)
    assert good[at]
    assert not good[at + 1 if at < start else at - 1]


def test_no_more_releases_are_asked_than_allowed() -> None:
    asked: list[str] = []

    def works(version: str) -> bool:
        asked.append(version)
        return False

    assert nearest([f"1.{number}" for number in range(100)], "1.50", works, asks=3) is None
    assert asked == ["1.51", "1.49", "1.52"]


def test_who_may_be_to_blame_is_who_raised_then_the_axes_that_the_failure_names_and_torch_last() -> None:
    traceback = (
        'Traceback (most recent call last):\n  File "x/site-packages/espnet2/asr.py", line 1, in a\n'
        '  File "x/site-packages/librosa/b.py", line 2, in b\nE: no\n'
    )
    cell = make_cell(outcome=Outcome.BROKEN)
    data = {"traceback": traceback, "causes": ["AttributeError: module 'torchaudio' has no attribute 'x'"]}
    facts = facts_of(replace(cell, checks=(*cell.checks[:-1], replace(cell.checks[-1], data=data))))
    assert facts is not None
    versions = {"librosa": "0.9", "espnet": "1", "torch": "2", "torchaudio": "2", "numpy": "1"}
    assert blamed(facts, versions) == ("librosa", "espnet", "torch")


def test_an_outcome_is_never_changed_by_a_remedy_and_both_forms_tell_of_it(bench: Surroundings) -> None:
    base = bench.base()
    found = run(bench, catalogue(missing_file(("variable", "WORD=x"), ("file", "preprocessor_config.json"))))
    results = make_results(base.cells, [base.environment])
    cured = attached(results, found)
    assert [replace(cell, remedy=None) for cell in cured.cells] == list(results.cells)
    assert [cell.remedy for cell in cured.cells] == [f"{bench.request.id}+file-preprocessor_config.json"]
    for text in (markdown_pages(cured)["compatibility.md"], html(cured)):
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


@pytest.fixture
def command(bench: Surroundings, index: MiniatureIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command's arguments, over a matrix of one environment whose one cell is on record as broken."""
    axes = {"python": "3.11", **REST}
    head, _, tail = MATRIX.partition("[axes]")
    text = head.replace("someone/some-model", "owner/model") + "[axes]\n"
    text += "".join(f'{name} = ["{value}"]\n' for name, value in axes.items())
    text += '[axes.torchaudio]\nfollows = "torch"\nreason = "r"\n'
    text += '[profiles.core]\ndescription = "d"\ndefault = true\n[[profiles.core.grid]]\ntorchaudio = "0.0"\n'
    text += "".join(f'{name} = "{value}"\n' for name, value in axes.items())
    text += "[probe]" + tail.partition("[probe]")[2].replace('["transformers", "s3prl-hf"]', '["s3prl-hf"]')
    text = text.replace('torch_cpu = "https://example.org/cpu"', f'url = "{index.url}"')
    text = text.replace('"cpu", "cuda"', '"cpu"')
    (tmp_path / "matrix.toml").write_text(text, encoding="utf-8")
    (tmp_path / "fixtures" / "hub").mkdir()
    bench.request = replace(bench.request, python="3.11")
    bench.settings = replace(bench.settings, weights="synthetic-base", model="owner/model")
    base = bench.base()
    Store(bench.settings.work, "synthetic-base").write(base, lock=bench.laboratory().lock(base))
    monkeypatch.setattr("asrcompat.remedying.command.load_catalogue", lambda _: bench.__dict__["known"])
    return ["remedy", "--matrix", str(tmp_path / "matrix.toml"), "--work", str(bench.settings.work)]


@pytest.mark.parametrize(
    ("cures", "code", "said"),
    [
        (
            [("file", "preprocessor_config.json")],
            0,
            "broken at load; with file preprocessor_config.json: works",
        ),
        ([("variable", "WORD=x")], 1, "no remedy: 1 tried, none works"),
        ([], 1, "no remedy: there is nothing to try"),
    ],
)
def test_the_command_says_what_it_found_and_exits_by_it(
    bench: Surroundings,
    command: list[str],
    cures: list[tuple[Kind, str]],
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bench.__dict__["known"] = catalogue(missing_file(*cures))
    assert cli.main(command) == code
    out = capsys.readouterr().out
    assert said in out
    assert f"1 cell to cure, {len(cures)} known cure" in out
    kept = (bench.settings.work / "remedies" / "synthetic-base" / f"{bench.request.id}.json").read_text()
    assert ('"verified": true' in kept) is (code == 0)
    assert len(list((bench.settings.work / "remedies" / "synthetic-base").glob("locks/*.txt"))) == (code == 0)


def test_the_command_ends_with_3_where_an_error_left_it_open(
    bench: Surroundings, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    bench.__dict__["known"] = catalogue(missing_file(("variable", "WORD=x")))
    bench.trouble.add(f"{bench.request.id}+variable-WORD-x")
    assert cli.main(command) == 3
    assert "1 tried, of which 1 ended in an error of the harness or could not be run here" in capsys.readouterr().out


@pytest.mark.parametrize("broken", [True, False])
def test_environments_without_a_result_are_told_and_leave_it_open(
    bench: Surroundings, command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, *, broken: bool
) -> None:
    grid = '[[profiles.core.grid]]\ntorchaudio = "0.0"\npython = "3.12"\n'
    grid += "".join(f'{name} = "{value}"\n' for name, value in REST.items())
    file = tmp_path / "matrix.toml"
    text = file.read_text(encoding="utf-8").replace('python = ["3.11"]', 'python = ["3.11", "3.12"]')
    file.write_text(text.replace("[probe]", grid + "[probe]", 1), encoding="utf-8")
    if not broken:
        store = Store(bench.settings.work, "synthetic-base")
        base = bench.base()
        store.write(replace(base, cells=tuple(make_cell(base.environment, "s3prl-hf") for _ in base.cells)), lock="x")
    bench.__dict__["known"] = catalogue(missing_file(("file", "preprocessor_config.json")))
    assert cli.main(command) == 3
    said = capsys.readouterr()
    assert "no results of py3.12-torch1.0" in said.out + said.err
    assert ("works (verified)" in said.out) is broken


def kept_record(bench: Surroundings) -> record.Record:
    at = record.folder(bench.settings.work, "synthetic-base")
    said: list[str] = []
    found = record.read(bench.base().environment, at, warn=said.append)
    assert found is not None, said
    return found


@pytest.mark.parametrize("ended", ["the time was up", "the harness failed"])
def test_what_could_not_be_looked_at_again_keeps_its_remedy(
    bench: Surroundings, command: list[str], ended: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.__dict__["known"] = catalogue(missing_file(("file", "preprocessor_config.json")))
    assert cli.main(command) == 0
    shutil.rmtree(bench.settings.work / "lab" / "results")
    if ended == "the time was up":
        command += ["--budget", "1"]
        monkeypatch.setattr("asrcompat.remedying.bench.time", Clock())
    else:
        bench.trouble.add(f"{bench.request.id}+file-preprocessor_config.json")
    assert cli.main(command) == 3
    bench.trouble.clear()
    (remedy,) = kept_record(bench).remedies
    assert (remedy.verified, [cell.outcome for cell in remedy.cells]) == (True, [Outcome.WORKS])
    assert remedy.lock is not None


class Clock:
    """A clock that is past every deadline."""

    def monotonic(self) -> float:
        return float("inf")


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


def test_what_could_not_be_run_here_is_no_verdict(
    bench: Surroundings, command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No interpreter for the Python that the cure moves to."""
    bench.__dict__["known"] = catalogue(missing_file(("axis", "python=3.12")))
    found = {"3.12": NoInterpreter(wanted="3.12", reason="none")}
    here = interpreters.find("3.11")
    monkeypatch.setattr("asrcompat.plan.prepare.find", lambda wanted: found.get(wanted, here))
    assert cli.main(command) == 3
    assert "1 tried, of which 1 ended in an error of the harness or could not be run here" in capsys.readouterr().out
    assert kept_record(bench).remedies == ()


def test_without_results_it_says_what_to_run_first(
    bench: Surroundings, command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.main([*command[:-1], str(tmp_path / "elsewhere")]) == 3
    assert "nox -s matrix -- --profile core --weights synthetic-base" in capsys.readouterr().err


@pytest.mark.parametrize("other", ["packages", "code"])
def test_nothing_is_tried_where_it_would_be_on_something_else_than_the_result_was_made_of(
    bench: Surroundings,
    command: list[str],
    index: MiniatureIndex,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    other: str,
) -> None:
    """helper is no axis: a newer release of it comes in with the next lock."""
    bench.__dict__["known"] = catalogue(missing_file(("file", "preprocessor_config.json")))
    assert cli.main(command) == 0
    kept = record.folder(bench.settings.work, "synthetic-base") / f"{bench.request.id}.json"
    before, probed = kept.read_text(encoding="utf-8"), list(bench.probed)
    if other == "packages":
        package(index, "helper", "3.0")
        command.append("--fresh")
    else:
        monkeypatch.setattr("asrcompat.remedying.bench.code.digest", lambda _: "another")
    assert cli.main(command) == 3
    said = capsys.readouterr()
    why = {"packages": "its packages are others today", "code": "its result was found by other code of this project"}
    assert f"{why[other]}; run `matrix` again" in said.out
    assert "no remedy: 0 tried so far" in said.out
    assert (kept.read_text(encoding="utf-8"), bench.probed) == (before, probed)


def test_a_lock_that_comes_of_age_on_the_way_ends_the_search_there(
    bench: Surroundings, command: list[str], index: MiniatureIndex, capsys: pytest.CaptureFixture[str]
) -> None:
    known = missing_file(("variable", "WORD=x"), ("file", "preprocessor_config.json"))
    one = search(bench, catalogue(known))
    package(index, "helper", "3.0")
    one._means = replace(
        one._means, sources=replace(one._means.sources, index=replace(bench.sources.index, lock_hours=0))
    )
    with pytest.raises(HarnessError, match="others today"):
        one.search.run(one.task.cells)
    assert one.search.found.cured == {}


def test_a_part_that_could_not_be_dropped_for_want_of_a_verdict_is_told(
    bench: Surroundings, command: list[str], index: MiniatureIndex, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run of the file alone, which would do, ends in an error of the harness."""
    package(index, "s3prl", "0.1", LAYERED.format(enough=True))
    again(bench, index)
    word = signature("no-word", "the word is missing", ("variable", "WORD=x"))
    bench.__dict__["known"] = catalogue(word, missing_file(("file", "preprocessor_config.json")))
    bench.trouble.add(f"{bench.request.id}+file-preprocessor_config.json")
    assert cli.main(command) == 3
    out = capsys.readouterr().out
    assert "not made smaller: a run without variable WORD=x gave no verdict" in out
    both, *_ = kept_record(bench).remedies
    assert (both.verified, both.needless) == (True, ())
    assert "It may be more than is needed: a run without variable WORD=x gave no verdict." in both.says
    bench.trouble.clear()
    assert cli.main(command) == 0
    assert words(kept_record(bench).remedies)[0] == ("file preprocessor_config.json", True)


def again(bench: Surroundings, index: MiniatureIndex) -> None:
    """The environment as installed from the index as it is by now, on record as the command reads it."""
    for folder in ("locks", "uv-cache"):
        shutil.rmtree(bench.settings.root / folder, ignore_errors=True)
    shutil.rmtree(bench.settings.work)
    base = bench.base()
    Store(bench.settings.work, "synthetic-base").write(base, lock=bench.laboratory().lock(base))


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


def test_of_two_cures_for_one_target_the_later_holds() -> None:
    newer, older = (
        Candidate(changes=(Change(kind="axis", value=f"transformers={version}"),), says=version)
        for version in ("4.57.6", "4.41.2")
    )
    assert newer.with_more(older).changes == older.changes
    assert newer.with_more(older).built_on == newer.changes


def test_what_works_or_fails_otherwise_by_now_is_no_longer_told_of(
    bench: Surroundings, command: list[str], index: MiniatureIndex
) -> None:
    bench.__dict__["known"] = catalogue(missing_file(("file", "preprocessor_config.json")))
    assert cli.main(command) == 0
    at = record.folder(bench.settings.work, "synthetic-base")
    base = bench.base()
    (cell,) = base.cells
    other = tuple(replace(one, message="another", data={"causes": ["OSError: another"]}) for one in cell.checks)
    now = {
        "as it was": cell,
        "works": make_cell(base.environment, cell.path),
        "fails otherwise": replace(cell, message="another", checks=other),
    }
    found = {
        name: recorded(make_results([one], [base.environment]), at, warn=lambda _: None) for name, one in now.items()
    }
    assert {name: len(remedies) for name, remedies in found.items()} == {
        "as it was": 1,
        "works": 0,
        "fails otherwise": 0,
    }
    elsewhere = replace(base.environment, code="other")
    said: list[str] = []
    assert recorded(make_results([cell], [elsewhere]), at, warn=said.append) == ()
    assert "by other code of this project" in said[0]


def test_how_many_steps_an_unstable_cell_passes_is_no_other_failure() -> None:
    cell, again = (
        make_cell(outcome=Outcome.UNSTABLE, stage=Stage.TRAIN, trials=Trials(passed=passed, of=10)) for passed in (5, 6)
    )
    assert record.failed(cell) == record.failed(again)
    environment = make_environment(cell.environment)
    works = RemedyCell(path=cell.path, device=cell.device, before=told.standing(cell), outcome=Outcome.WORKS)
    remedy = Remedy(id="r", environment=cell.environment, changes=(), says="s", verified=True, cells=(works,))
    kept = record.Record(
        environment=environment.id,
        lock_sha256=None,
        code=None,
        failures=record.failures_of([cell]),
        remedies=(remedy,),
    )
    assert kept.standing([again]) == (remedy,)
    assert [one.remedy for one in attached(make_results([again], [environment]), [remedy]).cells] == ["r"]


def test_an_index_that_is_out_of_reach_leaves_it_open_and_is_asked_again(
    bench: Surroundings, command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.__dict__["known"] = {}
    asked: list[str] = []

    def gone(_: object, name: str) -> None:
        asked.append(name)
        message = f"the index gave no list of '{name}'"
        raise HarnessError(message)

    monkeypatch.setattr("asrcompat.plan.releases.PackageIndex.releases", gone)
    assert cli.main(command) == 3
    assert "gave no list of 's3prl'" in capsys.readouterr().out
    assert asked == ["s3prl"]
    one = search(bench, {})
    assert (one.search._releases("a"), one.search._releases("a")) == ((), ())
    assert asked[1:] == ["a", "a"]


def test_an_interrupt_leaves_what_was_verified_on_record(
    bench: Surroundings, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.__dict__["known"] = catalogue(missing_file(("file", "preprocessor_config.json")))

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("asrcompat.explain.remedies.search.Search._climb_on", interrupted)
    assert cli.main(command) not in (0, 1)
    (remedy,) = kept_record(bench).remedies
    assert remedy.verified
    assert (record.folder(bench.settings.work, "synthetic-base") / str(remedy.lock)).is_file()


def test_a_fault_in_one_environment_leaves_the_others_their_search(
    bench: Surroundings, command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.__dict__["known"] = catalogue(missing_file(("file", "preprocessor_config.json")))
    tasks = command_module._tasks

    def twice(options: Options) -> tuple[list[Task], list[str]]:
        (task,), missing = tasks(options)
        return [task, task], missing

    monkeypatch.setattr(command_module, "_tasks", twice)
    outdated, seen = Bench.outdated, list[Bench]()

    def faulty(one: Bench) -> str | None:
        seen.append(one)
        if len(seen) == 1:
            message = "the disk is full"
            raise HarnessError(message)
        return outdated(one)

    monkeypatch.setattr(Bench, "outdated", faulty)
    assert cli.main(command) == 3
    said = capsys.readouterr()
    assert "nothing more is tried here: the disk is full" in said.out
    assert "works (verified)" in said.out


def test_another_torch_is_not_tried_on_a_full_disk_and_that_is_told(
    bench: Surroundings,
    command: list[str],
    index: MiniatureIndex,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package(index, "torch", "2.0")
    package(index, "torchaudio", "2.0")
    bench.__dict__["known"] = catalogue(missing_file(("axis", "torch=2.0"), ("variable", "WORD=x")))
    monkeypatch.setattr(Bench, "_free", lambda _: 3.0)
    assert cli.main(command) == 3
    said = capsys.readouterr()
    assert "torch=2.0: not tried: that installs another torch, and 3 GB of disk are free, not 12" in said.out
    assert [identity for identity, _ in bench.probed if "torch-2.0" in identity] == []
    monkeypatch.setattr(Bench, "_free", lambda _: 30.0)
    assert cli.main(command) == 1
    assert [identity for identity, _ in bench.probed if "torch-2.0" in identity] != []


def test_few_releases_of_torch_are_tried_and_the_estimate_counts_them(
    bench: Surroundings, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert (asks_of("torch"), asks_of("transformers")) == (6, 10)
    bench.__dict__["known"] = {}
    cli.main(command)
    assert "where none helps, at most 10 releases of packages that may be to blame" in capsys.readouterr().out


def test_what_a_known_failures_cause_and_cures_name_is_moved_first() -> None:
    cell = make_cell(outcome=Outcome.BROKEN)
    data = {"traceback": 'T\n  File "x/site-packages/s3prl/nn/upstream.py", line 1, in a\nE: no\n', "causes": ["E: no"]}
    facts = facts_of(replace(cell, checks=(*cell.checks[:-1], replace(cell.checks[-1], data=data))))
    assert facts is not None
    versions = {"s3prl": "0.4", "torch": "2", "transformers": "4", "numpy": "1", "espnet": "1"}
    known = replace(
        signature("s", "no", ("pin", "numpy<1.24"), ("axis", "torch=1.0")),
        cause="Newer Transformers drop it; s3prl counts.",
    )
    assert blamed(facts, versions) == ("s3prl",)
    assert blamed(facts, versions, known) == ("numpy", "transformers", "s3prl", "torch")


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
        "cat > overrides.txt <<'END'\nhelper>=2\nEND\ncat > requirements.txt <<'END'\ntorch==1.0\ntorchaudio==0.0\n"
        "transformers==2.0\ns3prl==0.1\nespnet==1\nfairish==1.0\nEND\n"
        "uv pip install --override overrides.txt -r requirements.txt\n"
    )
