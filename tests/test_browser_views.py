"""The table as it is seen: by who needs help to, on a phone, in print, without its script."""

from __future__ import annotations

import pytest
from both_reports import chromium, folder, of_both, place, results
from browser import opened, violations
from playwright.sync_api import Browser, expect

__all__ = ["chromium", "folder", "place"]  # fixtures


@pytest.mark.parametrize(
    ("report", "scheme", "width"),
    [("reports", "light", 360), ("reports", "dark", 1400), ("reports/nightly", "light", 1400)],
)
def test_axe_finds_nothing(chromium: Browser, place: str, scheme: str, width: int) -> None:
    with opened(chromium, place, color_scheme=scheme, viewport={"width": width, "height": 900}) as page:
        page.locator("#matrix td.broken a").first.click()
        found = violations(page)
        page.keyboard.press("Escape")
        assert found + violations(page) == []


@of_both
def test_on_a_phone_nothing_but_tables_is_wider_than_the_page(chromium: Browser, place: str) -> None:
    with opened(chromium, place, viewport={"width": 360, "height": 740}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


@of_both
def test_on_a_phone_outcomes_are_in_view_with_the_versions_below_the_number(
    chromium: Browser, place: str, report: str
) -> None:
    with opened(chromium, place, viewport={"width": 390, "height": 844}) as page:
        page.locator("#lines").scroll_into_view_if_needed()
        first = page.locator("#matrix tbody tr").first
        for at in (0, 1):
            expect(first.locator("td:not(.version, .also)").nth(at)).to_be_in_viewport(ratio=1)
        expect(first.locator("th")).to_contain_text(f"torch {results(report).environments[0].packages['torch'][:5]}")
        expect(page.locator("#sideways")).to_be_visible()


@of_both
def test_heads_are_cut_where_their_parts_meet(chromium: Browser, place: str) -> None:
    """No line of a head but the last one ends inside a word."""
    lines = """heads => heads.flatMap(head => {
      const found = [];
      const walker = document.createTreeWalker(head, NodeFilter.SHOW_TEXT);
      let top = null;
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        for (let at = 0; at < node.length; at += 1) {
          const range = document.createRange();
          range.setStart(node, at);
          range.setEnd(node, at + 1);
          const now = range.getBoundingClientRect().top;
          if (top !== null && now > top + 2) found.push(before);
          var before = node.data[at];
          top = now;
        }
        before = node.data[node.length - 1];
      }
      return found;
    })"""
    with opened(chromium, place) as page:
        assert set(page.eval_on_selector_all("#matrix th.path", lines)) <= {"-", "@"}
        page.select_option("#view [name=group]", "cause")
        assert set(page.eval_on_selector_all("#grouped thead th", lines)) <= {"-", "@"}


@of_both
def test_a_printed_table_is_as_wide_as_its_sheet(chromium: Browser, place: str) -> None:
    landscape = {"width": 1062, "height": 732}  # of A4, within its margins
    with opened(chromium, place, viewport=landscape) as page:
        page.emulate_media(media="print")
        assert page.evaluate("document.getElementById('matrix').getBoundingClientRect().width") <= 1062
        size = page.locator("#matrix td a").first.evaluate("one => parseFloat(getComputedStyle(one).fontSize)")
        assert size >= 11


@of_both
def test_without_the_script_all_is_there_and_nothing_that_needs_it(chromium: Browser, place: str, report: str) -> None:
    with opened(chromium, place, java_script_enabled=False) as page:
        expect(page.locator("#view")).to_be_hidden()
        expect(page.locator("#ask")).to_be_hidden()
        assert page.locator("#matrix tbody tr").count() == len(results(report).environments)
        target = str(page.locator("#matrix td.broken a").first.get_attribute("href"))
        assert page.locator(target).count() == 1
