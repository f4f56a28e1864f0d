"""The page of signatures and the sentences on rules: cause first, cures called to try, nothing promised."""

from __future__ import annotations

import dataclasses
from typing import Any

from core_results import make_core_results
from factories import make_cell, make_check, make_environment, make_remedy, make_results
from html_page import whole
from wide_results import make_explained_results

from asrcompat.explain.judge import judge_failures
from asrcompat.model import Check, CheckOutcome, Outcome, Results, Stage
from asrcompat.report.cures import Cure
from asrcompat.report.render import markdown, markdown_pages
from asrcompat.report.rules import rules
from asrcompat.report.signatures import signatures
from asrcompat.report.view import view


def numbers(results: Results) -> dict[str, int]:
    return {one.id: number for number, one in enumerate(results.environments, start=1)}


def explained(results: Results) -> Results:
    locks = {
        str(one.lock): "".join(f"{name}=={version}\n" for name, version in one.packages.items())
        for one in results.environments
    }
    return judge_failures(results, locks)


def test_a_story_tells_cause_cells_versions_and_what_to_try() -> None:
    results = explained(make_core_results())
    told = {story.id: story for story in signatures(results, numbers(results)).stories}
    story = told["preprocessor-missing"]
    assert story.where == "s3prl-hf, espnet-s3prl in 1"
    ((of, table),) = story.versions.tables
    lines = {line.head.text: [entry.text for entry in line.entries] for line in table.lines}
    assert (of, story.versions.alone) == ("", "")
    assert lines["s3prl"] == ["0.4.14", "0.4.15, 0.4.18"]
    assert story.cures[0].change == "file: preprocessor_config.json"
    page = markdown_pages(results)["signatures.md"]
    assert page.index(story.cause) < page.index("To try, the least intrusive first:")
    assert "only what is called verified was seen to help" in page
    assert "only what is called verified was seen to help" in whole(results)


def test_a_cure_tells_what_came_of_trying_it() -> None:
    results = explained(make_core_results())
    environment = results.environments[0].id
    file, more = {"kind": "file", "value": "preprocessor_config.json"}, {"kind": "variable", "value": "A=b"}
    known = ("preprocessor-missing",)
    works = make_remedy("r", environment, changes=(file,), signatures=known)
    (cell,) = works.cells
    vain = dataclasses.replace(works, verified=False, cells=(dataclasses.replace(cell, outcome=Outcome.BROKEN),))
    further = dataclasses.replace(vain, cells=(dataclasses.replace(vain.cells[0], stage=Stage.TRAIN),))
    nowhere = dataclasses.replace(vain, cells=(dataclasses.replace(vain.cells[0], stage=Stage.RESOLVE),))
    failed = dataclasses.replace(vain, cells=(dataclasses.replace(vain.cells[0], outcome=Outcome.ERROR),))
    together = dataclasses.replace(works, changes=(file, more, {"kind": "variable", "value": "C=d"}), needless=())
    foreign = dataclasses.replace(works, signatures=("another",))
    axis = dataclasses.replace(works, changes=({"kind": "axis", "value": "s3prl=0.4.15"},))
    told = {
        name: [cure.came for cure in _stories(dataclasses.replace(results, remedies=remedies))["preprocessor-missing"]]
        for name, remedies in {
            "none": (),
            "works": (vain, works),
            "in vain": (vain,),
            "further": (further,),
            "not installed": (nowhere,),
            "error": (failed,),
            "together": (together,),
            "together in vain": (dataclasses.replace(together, verified=False, cells=vain.cells),),
            "of another": (foreign,),
            "a release within": (axis,),
        }.items()
    }
    assert told == {
        "none": ["not tried", "not tried"],
        "works": ["verified on 1 cell", "not tried"],
        "in vain": ["tried alone: did not cure on 1 cell", "not tried"],
        "further": ["tried alone: got further, to another failure, on 1 cell", "not tried"],
        "not installed": ["tried alone: does not install with the rest on 1 cell", "not tried"],
        "error": ["tried alone: gave no verdict on 1 cell", "not tried"],
        "together": ["verified on 1 cell, with more than this", "not tried"],
        "together in vain": ["not tried alone", "not tried"],
        "of another": ["not tried", "not tried"],
        "a release within": ["not tried", "verified on 1 cell"],
    }
    assert "verified on 1 cell" in markdown_pages(dataclasses.replace(results, remedies=(works,)))["signatures.md"]


def _stories(results: Results) -> dict[str, tuple[Cure, ...]]:
    return {story.id: story.cures for story in signatures(results, numbers(results)).stories}


def test_signatures_that_broke_cells_come_before_those_of_findings() -> None:
    results = make_explained_results()
    known = signatures(results, numbers(results))
    deciding = [bool(story.where) for story in known.stories]
    assert deciding == sorted(deciding, reverse=True)
    assert [story.number for story in known.stories] == list(range(1, len(known.stories) + 1))
    assert known.target("no-such") is None
    assert "broke cells" in known.summary


def test_a_failure_is_told_by_its_cause_before_its_exception() -> None:
    results = explained(make_core_results())
    for text in (markdown(results), whole(results)):
        told = text[text.index("No preprocessor_config.json is found under the checkpoint") :]
        assert "Exception: OSError" in told
    first = view(results).reasons[0].failure
    assert first.title == "The checkpoint has no preprocessor_config.json, broken at load"
    assert "](signatures.md#signature-" in markdown_pages(results)["compatibility.md"]


def test_an_unrecognised_failure_brings_an_entry_to_paste() -> None:
    environment = make_environment()
    cell = make_cell(environment, outcome=Outcome.BROKEN, exception="OddError", message="never seen")
    bare = dataclasses.replace(cell, checks=())
    results = explained(make_results([bare], [environment]))
    page = markdown_pages(results)["signatures.md"]
    assert "1 unrecognised failure." in page
    assert 'exception = "OddError"' in page
    assert page.count("never") >= 2


def test_versions_are_compared_among_paths_that_fare_alike_and_not_where_nothing_passed() -> None:
    """Pooled, the versions of `espnet-huggingface`, which always fails, would say that no upgrade of s3prl helps."""
    old, new = (
        make_environment(f"e{version}", packages={"torch": "2.3.1", "s3prl": version})
        for version in ("0.4.14", "0.4.15")
    )
    cells = [make_cell(old, "s3prl-hf", Outcome.BROKEN), make_cell(new, "s3prl-hf")]
    cells += [make_cell(one, "espnet-huggingface", Outcome.BROKEN) for one in (old, new)]
    results = explained(make_results(cells, [old, new]))
    (story,) = signatures(results, numbers(results)).stories
    ((of, table),) = story.versions.tables
    assert (of, story.versions.alone) == ("s3prl-hf", "espnet-huggingface")
    lines = {line.head.text: [entry.text for entry in line.entries] for line in table.lines}
    assert lines["s3prl"] == ["0.4.14", "0.4.15"]
    told = "Nothing to compare with (every environment that came so far fails so): espnet-huggingface."
    for page in (markdown_pages(results)["signatures.md"], whole(results)):
        assert told in page
        assert "On s3prl-hf:" in page


def unknown(message: str, exception: str) -> Check:
    return make_check(
        Stage.FORWARD, CheckOutcome.FAILED, id=message, required=False, data={"exception": exception}, message=message
    )


def test_unrecognised_findings_are_told_shortly_after_the_failures() -> None:
    environment = make_environment()
    odd = make_cell(environment, outcome=Outcome.BROKEN, exception="OddError", message="never seen")
    works = make_cell(environment, "s3prl-hf")
    besides = (unknown("half", "OtherError"), unknown("ours", "_asrcompat_probe.cell.CheckFailed"))
    works = dataclasses.replace(works, checks=(*works.checks, *besides))
    results = explained(make_results([works, odd], [environment]))
    known = signatures(results, numbers(results))
    assert [(one.innermost, bool(one.where), one.findings) for one in known.unrecognised] == [
        ("OddError: never seen", True, ()),
        ("OtherError: half", False, (("half", "s3prl-hf in 1"),)),  # what a check of ours says, it tells by itself
    ]
    assert known.summary == "1 unrecognised failure, 1 unrecognised failure in findings."
    for page in (markdown_pages(results)["signatures.md"], whole(results)):
        assert page.index("OddError: never seen") < page.index("OtherError: half")
        assert page.count("[match]") == 1  # no entry to paste for what decided nothing
    assert [one["title"] for one in results.rules] == ["OddError: never seen"]


def test_a_finding_that_fails_as_a_cell_does_is_told_with_it() -> None:
    environment = make_environment()
    odd = make_cell(environment, outcome=Outcome.BROKEN, exception="OddError", message="half", checks=())
    works = make_cell(environment, "s3prl-hf")
    works = dataclasses.replace(works, checks=(*works.checks, unknown("half", "OddError")))
    results = explained(make_results([works, odd], [environment]))
    (group,) = signatures(results, numbers(results)).unrecognised
    assert (group.where, group.findings) == ("transformers in 1", (("half", "s3prl-hf in 1"),))


def rule(verdict: str, **changes: Any) -> dict[str, Any]:
    condition = {"text": "torchaudio >= 2.9", "seen_without": "2.8.0"}
    seen = {"cells": 2, "environments": ["a"]}
    told: dict[str, Any] = {
        "signature": "x",
        "title": "It fails",
        "subjects": [{"path": "s3prl-hf", "device": "cpu"}],
        "verdict": verdict,
    }
    told |= {"alternatives": [[[condition]]], "counterexample_sought_in": [], "experiment": None}
    return {**told, "failing": seen, "not_failing": {"cells": 1, "environments": ["b"]}, **changes}


def told(*given: dict[str, Any]) -> list[str]:
    results = make_results(rules=given)
    return [f"{one.text} / {one.support}" for one in rules(results, signatures(results, {}), {"a": 1, "b": 2})]


def test_a_found_rule_says_where_the_bound_lies_and_whether_it_was_put_to_the_test() -> None:
    (text,) = told(rule("found"))
    assert text == (
        "fails if torchaudio >= 2.9 (not with 2.8.0); it fits all of them, and no run was made to refute it / "
        "2 cells with it in 1, 1 cell without it in 2"
    )
    (text,) = told(rule("found", counterexample_sought_in=["b"], controlled=True))
    assert "environments that differ in nothing else show it" in text
    assert "runs that could have refuted it: 2" in text


def test_what_came_along_with_what_was_asked_for_is_told_and_what_the_failure_names_first() -> None:
    asked = {"text": "transformers >= 5.23.0", "seen_without": "4.57.6"}
    along = [{"text": f"p{number} installed", "named": number == 2} for number in range(4)]
    (text,) = told(rule("found", asked=True, alternatives=[[[asked, *along]]]))
    assert text.startswith(
        "fails if transformers >= 5.23.0 (not with 4.57.6); environments show it of which nothing else was asked for "
        "(along with it came p2 installed, which the failure names and 3 others: one of these may be what does it), and"
    )
    (text,) = told(rule("found", asked=True, alternatives=[[[asked]]]))
    assert "along" not in text
    (text,) = told(rule("found", asked=True, alternatives=[[[asked, {"text": "p0 installed"}]]]))
    assert "(along with it came 1 package: one" in text


def test_an_open_rule_says_undetermined_what_is_open_and_which_run_would_tell() -> None:
    choice = [{"text": f"p{number} installed", "seen_without": None} for number in range(6)]
    experiment = {"environment": "b", "moves": [{"kind": "pin", "value": "p1==2"}]}
    only = [[{"text": "s3prl installed"}]]
    (text,) = told(rule("undetermined", alternatives=[[choice, *only], only], experiment=experiment))
    assert text.startswith("undetermined: it fails if one of [p0 installed, p1 installed, p2 installed and")
    assert "and 3 more that moved along] and s3prl installed; 1 other combination would do as well" in text
    assert "a run of environment 2 with p1==2 would tell some of them apart" in text
    (text,) = told(rule("undetermined", controlled=False))
    assert "undetermined: torchaudio >= 2.9 (not with 2.8.0) fits, but among so many packages chance" in text
    (text,) = told(rule("undetermined"))
    assert "no single change of what was seen, that was not tried, would tell them apart" in text


def test_the_name_of_our_own_exception_is_no_part_of_a_title() -> None:
    results = make_results(rules=(rule("none", title="_asrcompat_probe.cell.CheckFailed: the width is 512"),))
    (one,) = rules(results, signatures(results, {}), {})
    assert one.title == "the width is 512"


def test_what_was_never_compared_is_no_rule_and_found_ones_come_first() -> None:
    nothing = {"cells": 0, "environments": []}
    given = told(rule("everywhere", not_failing=nothing), rule("incomparable"), rule("none"), rule("found"))
    assert [text.partition(" ")[0] for text in given] == ["fails", "no", "probed", "in"]
    assert given[3].endswith("nothing to compare with / 2 cells with it in 1")
