"""What changed, in the report and the job summary: new failures apart from known ones, and what would settle them."""

from __future__ import annotations

import dataclasses
import re
import shlex

import pytest
from factories import make_cell, make_environment, make_results

from asrcompat.model import (
    Boundary,
    Changes,
    Device,
    Difference,
    Environment,
    LastVerdicts,
    Moved,
    Outcome,
    Results,
    Stage,
)
from asrcompat.options import parser
from asrcompat.report.changed import Changed
from asrcompat.report.render import html, markdown_pages
from asrcompat.report.summary import job_summary
from asrcompat.report.view import view

ONE = make_environment("one", packages={**make_environment().packages, "transformers": "5.24.0"})
ALONE = {"transformers": ("4.57.6", "5.24.0")}
TWO = {**ALONE, "numpy": ("1.26.4", "2.0.0")}
BEFORE = "2026-11-20T19:00:00+00:00"


def difference(kind: str = "regressed", **facts: object) -> Difference:
    given = {"before": "works", "after": "broken at load", "cells": (("s3prl-hf", Device.CPU),), **facts}
    return Difference(kind=kind, environment="one", **given)  # type: ignore[arg-type]


def results(*found: Difference, moved: Moved | None = None, **facts: object) -> Results:
    cells = [make_cell(ONE, "transformers"), make_cell(ONE, "s3prl-hf", Outcome.BROKEN, signature="odd")]
    cells.append(make_cell(ONE, "espnet-s3prl", Outcome.BROKEN, Stage.IMPORT))
    told = Changes(
        generated_at=BEFORE,
        commit="c057ff8a1c62",
        folder="reports",
        differences=found,
        moved=(moved or Moved(environment="one", versions=ALONE, whole=True),),
    )
    given = {"changes": told, "signatures": ({"id": "odd", "title": "Something odd", "cells": []},), **facts}
    return make_results(cells, [ONE], **given)


def changed(told: Results) -> Changed:
    found = view(told).changed
    assert found is not None
    return found


def test_without_a_record_nothing_is_shown() -> None:
    told = results(changes=None)
    assert view(told).changed is None
    assert "What changed" not in html(told) + markdown_pages(told)["compatibility.md"] + job_summary(told)


def test_where_nothing_changed_one_line_says_so_with_the_day() -> None:
    told = results()
    line = "Compared with the report of 2026-11-20 (by c057ff8), nothing changed: each of its cells fares as it did."
    assert changed(told) == Changed(summary=line, groups=(), known="", besides="")
    assert all(line in text for text in (html(told), markdown_pages(told)["compatibility.md"], job_summary(told)))


def test_new_failures_are_told_apart_from_known_ones() -> None:
    told = changed(results(difference(culprit="transformers")))
    (group,) = told.groups
    assert (group.title, group.worse, group.cells) == ("New failures", True, 1)
    (line,) = group.lines
    assert (line.head.text, line.became, line.title) == ("one", "works → broken at load", "Something odd")
    assert line.moved == "transformers 4.57.6 → 5.24.0, which alone moved"
    assert told.known == "Known already: 1 cell broken or unstable before, and now."


@pytest.mark.parametrize(
    ("found", "moved", "says", "command"),
    [
        (
            difference(culprit="transformers"),
            Moved(environment="one", versions=ALONE, whole=True),
            "which alone moved",
            "--axis transformers --good 4.57.6 --bad 5.24.0 --environment one --path s3prl-hf --profile core",
        ),
        (
            difference(suspects=("numpy",)),
            Moved(environment="one", versions=TWO, whole=True, lock="locks/one.before.txt"),
            "Moved: numpy 1.26.4 → 2.0.0, transformers 4.57.6 → 5.24.0; the failure is known by numpy",
            "--locks reports/locks/one.before.txt reports/locks/one.txt --environment one --path s3prl-hf",
        ),
        (
            difference(),
            Moved(environment="one", versions=TWO),
            "(of the axes alone: a lock was not there to be read)",
            "--axis transformers",
        ),
        (
            difference(),
            Moved(environment="one", versions=ALONE, whole=True, code=True),
            "code of this project",
            "--axis",
        ),
        (difference(), Moved(environment="one", whole=True), "the machine, or chance", "--again"),
        (difference(), Moved(environment="one", whole=True, code=True), "No package moved, but the code", "--again"),
        (difference(), Moved(environment="one", versions={"python": ("3.10", "3.11")}, whole=True), "python 3.10", ""),
        (
            difference(),
            Moved(environment="one", versions={"rich": ("-", "1"), **ALONE}, whole=True),
            "rich - → 1",
            "--axis transformers",
        ),
        (difference(), Moved(environment="one", versions={"rich": ("-", "1")}, whole=True), "rich - → 1", ""),
        (
            difference(),
            Moved(environment="one", versions={"torch": ("2+cpu", "2+cu12")}, whole=True),
            "torch 2+cpu",
            "",
        ),
        (
            difference(),
            Moved(environment="one", versions={"torch": ("2.1+cpu", "2.2+cpu")}, whole=True),
            "torch 2.1+cpu → 2.2+cpu",
            "--axis torch --good 2.1 --bad 2.2",
        ),
        (difference("fails otherwise", before="broken at train"), None, "Moved", "--stage load"),
        (difference("fails otherwise", before="broken at import"), None, "Moved", ""),
        (difference(before="unstable at train"), None, "chance", "--stage load"),
    ],
)
def test_what_moved_is_told_with_the_command_that_settles_it(
    found: Difference, moved: Moved | None, says: str, command: str
) -> None:
    (group,) = changed(results(found, moved=moved)).groups
    (line,) = group.lines
    assert says in line.moved
    assert bool(line.command) is bool(command)
    words = shlex.split(line.command)
    assert command in " ".join(words)
    if words[:4] == ["nox", "-s", "bisect", "--"]:
        parser().parse_args(["bisect", *words[4:]])  # every option is one


def test_what_the_command_tells_is_said() -> None:
    several = Moved(environment="one", versions=TWO, whole=True, lock="locks/one.before.txt")
    nothing = Moved(environment="one", whole=True)

    def aim(moved: Moved | None = None, **facts: object) -> str:
        return changed(results(difference(**facts), moved=moved)).groups[0].lines[0].aim  # type: ignore[arg-type]

    assert aim(culprit="transformers") == "Which release of transformers did it"
    assert aim() == "Whether it was transformers, and which release"
    assert aim(several) == "Which of these did it"
    assert aim(nothing) == "Whether it does so again"


@pytest.mark.parametrize(("other", "left"), [("one", False), ("two", True)])
def test_a_boundary_that_was_crossed_is_named(other: str, left: bool) -> None:
    """Found in the same environment it settles it, and no command is left to run."""
    boundary = Boundary(
        environment=other,
        axis="transformers",
        path="s3prl-hf",
        device=Device.CPU,
        stage=None,
        direction="newer",
        verdict="found",
        last_good="4.57.6",
        first_bad="5.0.0",
    )
    (group,) = changed(results(difference(), boundaries=(boundary,))).groups
    (line,) = group.lines
    (note,) = line.notes
    assert "by s3prl-hf: transformers: last good 4.57.6, first bad 5.0.0" in note
    assert bool(line.command) is left
    beyond = dataclasses.replace(boundary, first_bad="6.0.0")
    assert changed(results(difference(), boundaries=(beyond,))).groups[0].lines[0].notes == ()


def test_a_rule_about_the_failure_is_told_and_of_an_open_one_what_tells_more() -> None:
    rule = {
        "signature": "odd",
        "title": "odd",
        "verdict": "found",
        "subjects": [{"path": "s3prl-hf", "device": "cpu"}],
        "failing": {"cells": 1, "environments": ["one"]},
        "not_failing": {"cells": 0, "environments": []},
        "alternatives": [[[{"package": "transformers", "text": "transformers >= 5"}]]],
    }
    (line,) = changed(results(difference(), rules=(rule,))).groups[0].lines
    assert line.notes == ("By the runs of this report it fails if transformers >= 5",)
    open_ = {**rule, "verdict": "undetermined", "experiment": {"environment": "one", "moves": [{"value": "x"}]}}
    (line,) = changed(results(difference(), rules=(open_,))).groups[0].lines
    assert "nox -s rules -- --profile core --weights synthetic-base" in line.notes[0]


def test_what_was_not_there_before_is_told_by_its_failure_and_is_no_regression() -> None:
    new = difference("new", before=None, cells=(("s3prl-hf", Device.CPU),))
    fine = difference("new", before=None, after="works", cells=(("transformers", Device.CPU),))
    gone = dataclasses.replace(difference("gone", after=None), environment="two")
    told = changed(results(new, fine, gone))
    (group,) = told.groups
    assert (group.worse, group.lines[0].head.text, group.lines[0].title) == (False, "s3prl-hf in 1", "Something odd")
    assert told.besides == "Besides: 1 cell in this report alone and fine; 1 cell in the earlier one alone."


def test_an_environment_of_another_build_of_torch_is_the_same() -> None:
    cpu: Environment = dataclasses.replace(ONE, id="one+cpu")
    told = results(difference(culprit="transformers"))
    cells = tuple(dataclasses.replace(cell, environment="one+cpu") for cell in told.cells)
    (line,) = changed(dataclasses.replace(told, environments=(cpu,), cells=cells)).groups[0].lines
    assert line.head.target is not None
    assert line.cells[0].target is not None
    assert "--environment one --path" in line.command


def test_long_lists_are_cut_and_say_so() -> None:
    many = [make_environment(f"e{number}") for number in range(60)]
    found = [dataclasses.replace(difference(), environment=one.id) for one in many]
    told = make_results(
        [make_cell(one, "s3prl-hf", Outcome.BROKEN) for one in many],
        many,
        changes=Changes(generated_at=BEFORE, differences=tuple(found)),
    )
    (group,) = changed(told).groups
    assert (len(group.lines), group.more) == (40, 20)
    assert "And 20 more like these" in html(told)


def test_the_same_results_give_the_same_bytes_and_hostile_text_stays_text() -> None:
    hostile = "<script>alert(1)</script>|`](x)"
    moved = Moved(environment="one", versions={"a": (hostile, "2"), "b": ("1", "2")}, whole=True)
    told = results(difference(after=hostile, suspects=("a",)), moved=moved)
    told = dataclasses.replace(told, signatures=({"id": "odd", "title": hostile, "cells": []},))
    assert hostile in shlex.split(changed(told).groups[0].lines[0].command), "one word of a shell's"
    page, text = html(told), markdown_pages(told)["compatibility.md"]
    assert (page, text) == (html(told), markdown_pages(told)["compatibility.md"])
    assert "<script>alert" not in page
    outside = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    assert "<script>" not in outside
    assert "](x)" not in outside


def test_a_guests_failures_are_no_known_ones() -> None:
    guest = make_environment("doctor-box", host="box")
    told = results(difference())
    cells = (*told.cells, make_cell(guest, "s3prl-hf", Outcome.BROKEN))
    there = dataclasses.replace(told, environments=(*told.environments, guest), cells=cells)
    assert changed(there).known == changed(told).known == "Known already: 1 cell broken or unstable before, and now."


def test_outside_of_the_checkout_no_command_names_locks_that_it_would_not_find() -> None:
    moved = Moved(environment="one", versions=TWO, whole=True, lock="locks/one.before.txt")
    told = results(difference(), moved=moved)
    assert told.changes is not None
    outside = dataclasses.replace(told, changes=dataclasses.replace(told.changes, folder=""))
    assert "--locks" in changed(told).groups[0].lines[0].command
    (line,) = changed(outside).groups[0].lines
    assert "--locks" not in line.command
    assert line.aim == "Whether it was transformers, and which release"


def test_what_was_not_run_since_is_told_with_its_day() -> None:
    (line,) = changed(results(difference(since="2026-11-18T01:00:00+00:00"))).groups[0].lines
    assert line.notes == ("Since the report of 2026-11-18; not run again after that",)


def test_what_has_no_verdict_now_is_no_new_failure() -> None:
    told = results(difference(cells=(("s3prl-hf", Device.CPU), ("transformers", Device.CPU))))
    cells = [dataclasses.replace(cell, outcome=Outcome.ERROR) for cell in told.cells if cell.path == "s3prl-hf"]
    others = [cell for cell in told.cells if cell.path != "s3prl-hf"]
    last = (LastVerdicts(environment=ONE, cells=(told.cells[1],)),)
    (group,) = changed(dataclasses.replace(told, cells=(*cells, *others), last=last)).groups
    assert group.cells == 1
    found = changed(dataclasses.replace(told, cells=(*cells, *others), last=last))
    assert found.besides == "Besides: 1 cell could not be run now, and will be compared with what they were."
