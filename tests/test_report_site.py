"""The pages of the report: which there are, that every link of theirs leads somewhere, and what each tells."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from conftest import ROOT
from core_results import make_core_results
from factories import make_cell, make_environment, make_remedy, make_results
from hostile_results import hostile
from html_page import Page
from many_results import make_many_results
from wide_results import make_explained_results

from asrcompat.explain.since import FILE, History, parse
from asrcompat.model import Outcome, Results
from asrcompat.report.made import FILES
from asrcompat.report.pages import MARK, cause_files, navigation, ours
from asrcompat.report.publish import publish
from asrcompat.report.site import site
from asrcompat.report.upstream import source
from asrcompat.report.when import when
from asrcompat.report.words import plural
from asrcompat.result_files import parse_results

BESIDE = {"reports": {"nightly": "nightly/index.html"}, "reports/nightly": {"core": "../index.html"}}
published = pytest.mark.parametrize("report", ["reports", "reports/nightly"])


@cache
def read(report: str) -> tuple[Results, History]:
    results = parse_results((ROOT / report / "results.json").read_bytes(), source=report)
    return results, parse((ROOT / report / FILE).read_text(encoding="utf-8"))


@cache
def pages_of(report: str) -> dict[str, str]:
    results, history = read(report)
    return site(results, history, BESIDE[report])


def assure_links(pages: dict[str, str], *, elsewhere: set[str]) -> None:
    """Every link leads to a page and a place of it that are there, or to something `elsewhere`."""
    parsed = {name: Page(text) for name, text in pages.items()}
    places = {name: [value for key, value in page.attributes if key == "id"] for name, page in parsed.items()}
    for name, page in parsed.items():
        assert page.open == [], name
        assert len(places[name]) == len(set(places[name])), name
        links = [str(value) for key, value in page.attributes if key == "href"]
        named = [one for key, value in page.attributes if key == "aria-labelledby" for one in str(value).split()]
        assert set(named) - {"story-title"} <= set(places[name])
        for link in links:
            file, _, anchor = link.partition("#")
            if link.startswith("https://") or file in elsewhere:
                continue
            assert (file or name) in pages, (name, link)
            assert not anchor or anchor in places[file or name], (name, link)


@published
def test_every_link_of_a_published_report_leads_somewhere(report: str) -> None:
    results, _ = read(report)
    locks = [one for each in results.environments for one in (each.lock, each.pylock)]
    locks += [one.lock for one in results.remedies]
    named = {one for one in locks if one}
    for one in named:
        assert (ROOT / report / one).is_file()
    quoted = {one.replace("+", "%2B") for one in named}
    assure_links(pages_of(report), elsewhere={*quoted, *BESIDE[report].values(), *(name for name, _ in FILES)})


@pytest.mark.parametrize("make", [make_explained_results, make_core_results, make_results, lambda: hostile("evil")])
def test_every_link_leads_somewhere_whatever_there_is(make: Callable[[], Results]) -> None:
    results = make()
    locks = {f"locks/{one.id}.txt" for one in results.environments} | {"evil"}
    assure_links(site(results), elsewhere={*locks, *(name for name, _ in FILES)})


def test_the_other_forms_that_are_linked_are_published(tmp_path: Path) -> None:
    assert {name for name, _ in FILES} <= {file.name for file in publish(make_core_results(), tmp_path)}


@published
def test_the_navigation_is_the_same_on_every_page_and_says_where_one_is(report: str) -> None:
    seen = set()
    for name, text in pages_of(report).items():
        shown = text[text.index('<nav aria-label="Pages"') :].split("</nav>")[0]
        links = re.findall(r'<a href="([\w.-]+)"(?: aria-current="(\w+)")?>', shown)
        seen.add(tuple(file for file, _ in links))
        of_a_cause = name.startswith("cause-") or name == "unrecognised.html"
        assert [one for one in links if one[1]] == [("causes.html", "true") if of_a_cause else (name, "page")]
        reports = text[text.index('<nav aria-label="Reports"') :].split("</nav>")[0]
        assert f'<a href="{next(iter(BESIDE[report].values()))}">' in reports
    assert len(seen) == 1


def test_nothing_is_linked_that_is_not_published() -> None:
    alone = site(make_results([make_cell()]))
    assert not {"causes.html", "claims.html", "coverage.html", "metadata.html"} & set(alone)
    assert 'aria-label="Reports"' not in "".join(alone.values())
    assert [one.address for one in navigation(set(alone), "index.html")] == list(alone)


@published
def test_the_same_results_give_the_same_pages(report: str) -> None:
    results, history = read(report)
    assert site(results, history, BESIDE[report]) == pages_of(report)
    assert site(results, history) != pages_of(report)


@published
def test_every_page_has_the_one_style_and_admits_no_script_but_its_own(report: str) -> None:
    styles = set()
    for name, text in pages_of(report).items():
        assert text.startswith(MARK)
        style = re.search("<style>(.*?)</style>", text, re.DOTALL)
        script = re.search("<script>(.*?)</script>", text, re.DOTALL)
        assert style is not None
        styles.add(style[1])
        policy = f"default-src 'none'; style-src 'sha256-{digest(style[1])}'; "
        policy += f"script-src 'sha256-{digest(script[1])}'; " if script else ""
        assert f"content=\"{policy}base-uri 'none'; form-action 'none'\"" in text, name
        assert ' style="' not in text
        assert not re.search(r'\b(?:src|xlink:href)="', text)
    assert len(styles) == 1
    assert "<script" not in pages_of(report)["claims.html"]


def digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_a_causes_page_tells_what_is_known_of_it() -> None:
    """Of the published reports what is so whatever they are published from; figures are counted in the results."""
    results, _ = read("reports")
    known = "torchaudio-backend-removed"
    cells = [one for one in results.cells if one.recognised == known and one.outcome is not Outcome.WORKS]
    page = pages_of("reports")[f"cause-{known}.html"]
    counts = f"{plural(len(cells), 'cell')} in {plural(len({one.environment for one in cells}), 'environment')}"
    for told in (
        '<h1 id="signature-',
        "Where it was met",
        counts,
        'href="index.html#cell-',
        "Tried, and no remedy",
        'href="https://github.com/s3prl/s3prl/issues/575"',
        "<summary>Traceback</summary>",
        "Versions seen",
    ):
        assert told in page, told
    assert re.search('<pre class="paste" tabindex="0">pip uninstall', page)


@published
def test_every_failure_is_told_on_the_page_of_its_cause(report: str) -> None:
    results, _ = read(report)
    pages = pages_of(report)
    why = pages["index.html"][pages["index.html"].index('<section id="why">') :].split("</section>")[0]
    led = re.findall(r'<li><a href="([\w.-]+)#failure-(\d+)">', why)
    assert [int(number) for _, number in led] == list(range(1, len(led) + 1))
    for file, number in led:
        assert f'id="failure-{number}"' in pages[file]
    recognised = {cell.recognised for cell in results.cells if cell.recognised and cell.outcome is not Outcome.WORKS}
    assert {file for file, _ in led} - {"unrecognised.html"} == {f"cause-{one}.html" for one in recognised}
    for one in results.signatures:
        assert f"cause-{one['id']}.html" in pages


def test_a_remedy_of_several_causes_is_told_with_each() -> None:
    environment = make_environment("a")
    cells = [
        make_cell(environment, path, Outcome.BROKEN, signature=path, cause="known", remedy="a+x") for path in ("p", "q")
    ]
    remedy = make_remedy(
        "a+x", "a", signatures=("p", "q"), snippets=({"language": "sh", "about": "install", "text": "x"},)
    )
    pages = site(make_results(cells, [environment], remedies=(remedy,)))
    assert "unrecognised.html" not in pages
    for name in ("cause-p.html", "cause-q.html"):
        assert 'id="remedy-1"' in pages[name]
        assert '<a href="#remedy-1">1</a>' in pages[name]
    assert '<a href="cause-p.html#remedy-1">1</a>' in pages["index.html"]


def test_what_was_tried_on_the_cells_of_an_unrecognised_cause_is_told_with_it() -> None:
    environment = make_environment("a")
    cells = [make_cell(environment, path, Outcome.BROKEN, exception=f"{path}Error") for path in ("p", "q")]
    remedy = make_remedy("a+x", "a", verified=False)
    pages = site(make_results(cells, [environment], remedies=(remedy,)))
    lines = re.findall(r"<tr><th scope=\"row\">.*?</tr>", pages["causes.html"])
    assert [("none of those tried" in one, "none tried" in one) for one in lines] == [(True, False), (False, True)]
    assert pages["unrecognised.html"].count("Tried, and no remedy: 1 change") == 1
    assert 'id="remedies"' not in pages["unrecognised.html"]


def test_a_page_says_whose_environments_it_answers_by_and_where_others_are() -> None:
    for report, other in (("reports", "nightly"), ("reports/nightly", "core")):
        page = pages_of(report)["index.html"]
        count = len(read(report)[0].environments)
        for told in (f"this report's {count} environments. Others", f"this report's {count} environments alone"):
            assert told in page.replace("&#39;", "'"), told
        assert page.count(f'<a href="{BESIDE[report][other]}">the report {other}</a>') == 2
        assert page.count("<code>asrcompat ask</code> answers by all published reports.") == 2
    alone = site(make_core_results())["index.html"]
    assert "In a clone of the repository <code>asrcompat ask</code>" in " ".join(alone.split())
    assert "Others are in" not in alone


def test_what_stands_between_backticks_is_code_and_nothing_else() -> None:
    results, _ = read("reports")
    claim = {**results.claims[0], "statement": "with `--x <b>` it\u202e works"}
    page = site(replace(results, claims=(claim,)))["claims.html"]
    assert "with <code>--x &lt;b&gt;</code> it" in page
    assert "\u202e" not in page
    told = re.findall(r"<summary>.*?</summary>|<th scope=\"row\">.*?</th>", pages_of("reports")["claims.html"])
    assert told
    assert not any("`" in one for one in told)


def test_the_commands_make_the_same_run_again() -> None:
    day = make_environment("a", as_of="2024-07-01")
    page = site(make_results([make_cell(day, "p"), make_cell(day, "q")], [day]))["made.html"]
    chosen = "--profile core --weights synthetic-base --as-of 2024-07-01"
    assert f"nox -s matrix -- {chosen}</pre>" in page
    assert f"nox -s matrix -- {chosen} --paths p,q --devices cpu</pre>" in page
    assert f"nox -s report -- {chosen}</pre>" in page
    mixed = [day, make_environment("b")]
    assert "--as-of" not in site(make_results([make_cell(one, "p") for one in mixed], mixed))["made.html"]


def test_a_causes_file_is_named_after_it_and_by_nothing_that_does_harm() -> None:
    assert cause_files(["torch-load-refused", "../X y", "x-Y", "", "\u202e", "a" * 200]) == {
        "torch-load-refused": "cause-torch-load-refused.html",
        "../X y": "cause-x-y.html",
        "x-Y": "cause-x-y-2.html",
        "": "cause-unnamed.html",
        "\u202e": "cause-unnamed-2.html",
        "a" * 200: f"cause-{'a' * 60}.html",
    }
    assert all(ours(name, MARK) for name in cause_files(["torch-load-refused", "../X y", "x-Y", "\u202e"]).values())
    assert not ours("cause-x.html", "<!doctype html>\n<html>")
    assert not ours("causes-x.html", MARK)


def test_sources_are_linked_where_they_are_issues_of_repositories_that_are_known() -> None:
    assert source("s3prl#533").url == "https://github.com/s3prl/s3prl/issues/533"
    assert source("https://example.org/x").url == "https://example.org/x"
    for name in ("this project's own run", "nobody#1", "s3prl#5x", "javascript:alert(1)"):
        assert source(name).url == ""


def test_what_changed_is_told_the_latest_first() -> None:
    results, _ = read("reports")
    name = results.environments[1].id
    gone = {"transformers on cpu": [("2026-11-01T10:00:00+00:00", "works"), ("2026-11-25T00:00:00+00:00", "broken")]}
    changes = {
        "transformers on cpu": [
            ("2026-11-01T10:00:00+00:00", "broken at load"),
            ("2026-11-02T10:00:00+00:00", "works"),
            ("2026-11-03T10:00:00+00:00", "unstable at train"),
        ],
        "s3prl-hf on cuda": [("2026-11-01T10:00:00+00:00", "works"), ("2026-11-03T10:00:00+00:00", "broken at load")],
    }
    told = when(replace(results, cells=()), History(cells={name: changes, "gone": gone}), (), {})
    assert [day.day for day in told.changed] == ["2026-11-25", "2026-11-03", "2026-11-02"]
    assert [(one.paths, one.before, one.after, one.kind) for one in told.changed[1].turns] == [
        ("s3prl-hf (cuda)", "works", "broken at load", "broken"),
        ("transformers", "works", "unstable at train", "unstable"),
    ]
    assert told.changed[0].turns[0].environment.text == "gone"


@published
def test_since_when_each_cell_is_as_it_is_is_told_of_all_that_have_a_verdict(report: str) -> None:
    results, history = read(report)
    told = when(results, history, (), {})
    assert sum(one.cells for one in told.since) == sum(cell.since is not None for cell in results.cells) > 0
    days = [one.day for one in told.since]
    assert days == sorted(days, reverse=True)


def test_hundreds_of_environments_have_pages_too() -> None:
    pages = site(make_many_results(500))
    assert {"index.html", "causes.html", "unrecognised.html", "boundaries.html", "made.html"} <= set(pages)
    assure_links(pages, elsewhere={name for name, _ in FILES} | {f"locks/environment-{n}.txt" for n in range(500)})
