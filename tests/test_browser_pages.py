"""Every page of the site in a browser: of the published reports, and of one of hundreds of environments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from browser import address, browser, opened, violations, walked
from conftest import ROOT
from many_results import make_many_results
from playwright.sync_api import Browser, Page, expect

from asrcompat.explain.since import FILE, parse
from asrcompat.report.site import site
from asrcompat.result_files import parse_results

REPORTS = {"reports": {"nightly": "nightly/index.html"}, "reports/nightly": {"core": "../index.html"}}
SIGHTS: Mapping[str, Mapping[str, object]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1400, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1400, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
}
HUGE = 200_000  # characters: axe takes minutes; what such a page is made of is judged on smaller ones


@cache
def pages_of(report: str) -> dict[str, str]:
    if report == "many":
        return site(make_many_results(500))
    results = parse_results((ROOT / report / "results.json").read_bytes(), source=report)
    return site(results, parse((ROOT / report / FILE).read_text(encoding="utf-8")), REPORTS[report])


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as launched:
        yield launched


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all of them, as the repository has them."""
    folder = tmp_path_factory.mktemp("site")
    for report in (*REPORTS, "many"):
        (folder / report).mkdir(parents=True, exist_ok=True)
        for name, text in pages_of(report).items():
            (folder / report / name).write_text(text, encoding="utf-8")
    return folder


def judged(report: str, sight: str) -> set[str]:
    """The pages that axe is asked of: in daylight all, else the longest of the causes', which are of one template."""
    small = {name: text for name, text in pages_of(report).items() if len(text) <= HUGE}
    causes = sorted((name for name in small if name.startswith("cause-")), key=lambda name: -len(small[name]))
    return set(small) if sight == "light" else set(small) - set(causes[1:])


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("report", [*REPORTS, "many"])
def test_axe_finds_nothing_on_any_page(chromium: Browser, root: Path, report: str, sight: str) -> None:
    found = {}
    asked = judged(report, sight)
    for name in pages_of(report) if sight == "phone" else asked:
        with opened(chromium, address(root / report / name), **SIGHTS[sight]) as page:
            page.evaluate("for (const one of [...document.querySelectorAll('details')].slice(0, 20)) one.open = true")
            told = violations(page) if name in asked else []
            if sight == "phone" and page.evaluate("document.documentElement.scrollWidth") > 360:
                told.append("wider than a phone")
            if told:
                found[name] = told
    assert found == {}


def test_one_gets_from_page_to_page_and_from_report_to_report(chromium: Browser, root: Path) -> None:
    with walked(chromium, root / "reports" / "index.html") as page:
        cause = page.locator("#why a").first
        named = str(cause.text_content())
        cause.click()
        assert named.startswith(str(page.locator("h1").text_content()))
        page.locator("nav.site a", has_text="Causes").click()
        expect(page.locator("h1")).to_have_text("Causes")
        page.locator("nav.reports a", has_text="nightly").click()
        page.locator("nav.site a", has_text="Coverage").click()
        pairs = pages_of("reports/nightly")["coverage.html"].count("<rect")
        assert pairs > 0
        expect(page.locator("svg.pairs rect")).to_have_count(pairs)
        page.locator("#coverage td a").first.click()
        expect(page.locator("article h3:target")).to_be_visible()
        page.locator("nav.reports a", has_text="core").click()
        assert page.url.endswith("/reports/index.html")


@pytest.fixture
def no_script(chromium: Browser, root: Path) -> Iterator[Page]:
    place = address(root / "reports" / "cause-preprocessor-missing.html")
    with opened(chromium, place, java_script_enabled=False) as page:
        yield page


def test_without_the_script_a_cause_is_whole_and_has_no_buttons(no_script: Page) -> None:
    assert no_script.locator("button").count() == 0
    assert no_script.locator("pre.paste").count() > 3


def test_the_link_past_the_navigation_is_shown_when_it_is_reached(chromium: Browser, root: Path) -> None:
    with opened(chromium, address(root / "reports" / "claims.html")) as page:
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        assert page.locator(".skip").evaluate("one => one.getBoundingClientRect().left") > 0


@pytest.mark.parametrize("name", ["metadata.html", "unrecognised.html"])
def test_what_is_there_to_paste_is_copied(chromium: Browser, root: Path, name: str) -> None:
    place = address(root / "reports" / "nightly" / name)
    with opened(chromium, place, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.locator(".copy").first.click()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == page.locator("pre.paste").first.text_content()


def test_in_print_what_is_folded_is_shown_and_what_is_pressed_is_not(chromium: Browser, root: Path) -> None:
    with opened(chromium, address(root / "reports" / "cause-preprocessor-missing.html")) as page:
        text = page.locator("details pre").first
        expect(text).not_to_be_visible()
        page.emulate_media(media="print")
        assert text.evaluate("one => one.checkVisibility() && one.getBoundingClientRect().height > 0")
        for hidden in ("nav.site", ".copy", ".skip"):
            expect(page.locator(hidden).first).not_to_be_visible()
        shown = page.locator('a[href^="https:"]').first
        assert "https:" in shown.evaluate("one => getComputedStyle(one, '::after').content + one.href")
