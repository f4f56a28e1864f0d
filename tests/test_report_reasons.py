"""Why cells are not green: where, what was said where, and the remedies that were seen to work."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence

from core_results import make_core_results
from factories import make_cell, make_environment, make_remedy, make_results
from rich.console import Console

from asrcompat.model import Cell, Outcome, Remedy, Results, Stage
from asrcompat.report import render
from asrcompat.report.reasons import Reason
from asrcompat.report.terminal import render_table
from asrcompat.report.view import view

ENVIRONMENTS = [make_environment(name) for name in "abc"]
OLD, MID, NEW = ENVIRONMENTS


def results_of(cells: Sequence[Cell], *remedies: Remedy) -> Results:
    """Make results of three environments."""
    return make_results(cells, ENVIRONMENTS, remedies=remedies)


def reasons(cells: Sequence[Cell], *remedies: Remedy) -> tuple[Reason, ...]:
    """Give the reasons."""
    return view(results_of(cells, *remedies)).reasons


def broken(environment: str, path: str = "p", **changes: str) -> Cell:
    """Make a broken cell."""
    return make_cell(make_environment(environment), path, Outcome.BROKEN, Stage.LOAD, **changes)


def test_a_reason_carries_the_remedy_that_was_verified() -> None:
    remedy = make_remedy("a+x", "a")
    (reason,) = reasons([broken("a", remedy="a+x"), broken("b")], remedy)
    (cure,) = reason.cures
    assert cure.text == "with transformers==4.41.2: works in 1"
    assert [(entry.text, entry.target and entry.target.anchor) for entry in cure.environments] == [("1", "remedy-1")]
    (other,) = reasons([broken("a")], remedy)
    assert other.cures == ()


def test_one_change_in_several_environments_is_one_cure() -> None:
    remedies = [make_remedy("a+x", "a"), make_remedy("b+x", "b"), make_remedy("b+y", "b", value="numpy<2")]
    cells = [broken("a", remedy="a+x"), broken("b", remedy="b+x"), broken("b", "q", remedy="b+y")]
    (reason,) = reasons(cells, *remedies)
    assert [cure.text for cure in reason.cures] == [
        # in b only one of the two paths was cured by each
        "with transformers==4.41.2: works in 1, 2 (p in 1, 2)",
        "with numpy<2: works in 2 (q in 2)",
    ]
    assert [[entry.target and entry.target.anchor for entry in cure.environments] for cure in reason.cures] == [
        ["remedy-1", "remedy-2"],
        ["remedy-3"],
    ]


def test_every_form_tells_the_remedy_where_it_tells_the_reason() -> None:
    results = results_of([broken("a", remedy="a+x"), broken("b")], make_remedy("a+x", "a"))
    page = render.markdown_pages(results)["compatibility.md"]
    why = page[page.index("## Why") :].split("\n## ")[0]
    assert "**with transformers==4.41.2: works** in [1](#remedy-1)" in why
    short = render.markdown(results, details=False)
    assert "**with transformers==4.41.2: works** in 1" in short
    text = render.html(results)
    why = text[text.index('<section id="why">') :].split("</section>")[0]
    assert '<strong>with transformers==4.41.2: works</strong> in <a href="unrecognised.html#remedy-1">1</a>' in why
    console = Console(file=io.StringIO(), width=200)
    render_table(results, console)
    assert isinstance(console.file, io.StringIO)
    assert "; with transformers==4.41.2: works in 1" in console.file.getvalue()


def test_what_helps_stands_right_after_why() -> None:
    results = results_of([broken("a", remedy="a+x")], make_remedy("a+x", "a"))
    results = dataclasses.replace(results, boundaries=(), rules=(), claims=({"id": "x", "parts": []},))
    page = render.markdown_pages(results)["compatibility.md"]
    places = [page.index(f"\n## {title}\n") for title in ("Why", "Remedies", "Claims", "How to read it", "Failures")]
    assert places == sorted(places)


def test_a_failure_has_one_ladder_and_leads_to_the_rows_of_its_cells() -> None:
    results = make_core_results()
    page = render.markdown_pages(results)["compatibility.md"]
    told = page[page.index("## Failures") : page.index("## Environments")]
    assert told.count("The climb of ") == len(view(results).reasons) == 4
    assert told.count("nox -s ") == 4
    cells = [cell for reason in view(results).reasons for cell in reason.failure.cells]
    assert len(cells) == 7
    for cell in cells:
        assert f"](#cell-{results.cells.index(cell) + 1})" in told
    assert "log sha256" not in page
    assert "process 4711" not in page


def test_what_else_cells_said_is_told_with_the_cells() -> None:
    cells = [broken("a", message="sizes: 1"), broken("b", message="sizes: 2"), broken("c", message="sizes: 2")]
    ((said,),) = [reason.said for reason in reasons(cells)]
    ((text, places),) = said.others
    assert (text, [place.label for place in places]) == ("sizes: 2", ["p"])
    assert [entry.text for entry in places[0].environments] == ["2", "3"]
    page = render.markdown_pages(results_of(cells))["compatibility.md"]
    assert "- sizes: 2 — p in [2](#cell-2), [3](#cell-3)" in page
