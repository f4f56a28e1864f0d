"""What changed since the report before, as the page tells it in a browser."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from browser import address, browser, opened, violations
from core_results import make_core_results
from playwright.sync_api import expect

from asrcompat.model import Changes, Difference, Moved, Outcome, Results
from asrcompat.report.render import html


def changed_results() -> Results:
    """The core run's results where two environments got worse, one by a package alone, and one got better."""
    core = make_core_results()
    hostile = "2</script><img src=x onerror=alert(1)>"
    broken = [one for one in core.cells if one.outcome is Outcome.BROKEN]
    first, other = broken[0], next(one for one in broken if one.environment != broken[0].environment)
    works = next(one for one in core.cells if one.outcome is Outcome.WORKS)
    told = [
        Difference(
            kind="regressed",
            environment=one.environment,
            cells=((one.path, one.device),),
            before="works",
            after=f"broken at {one.stage}",
            culprit=culprit,
        )
        for one, culprit in ((first, "transformers"), (other, None))
    ]
    fixed = Difference(
        kind="fixed",
        environment=works.environment,
        cells=((works.path, works.device),),
        before="broken at load",
        after="works",
    )
    alone = {"transformers": ("4.41.2", "5.24.0")}
    moved = (
        Moved(environment=first.environment, versions=alone, whole=True),
        Moved(
            environment=other.environment, versions={**alone, "numpy": ("1", hostile)}, whole=True, lock="locks/b.txt"
        ),
    )
    changes = Changes(
        generated_at="2026-11-20T01:00:00+00:00", differences=(*told, fixed), moved=moved, folder="reports"
    )
    return dataclasses.replace(core, changes=changes)


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1400)])
def test_what_changed_is_told_at_the_top_and_can_be_copied(tmp_path: Path, scheme: str, width: int) -> None:
    file = tmp_path / "changed.html"
    file.write_text(html(changed_results()), encoding="utf-8")
    given = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    clipboard = ["clipboard-read", "clipboard-write"]
    with browser() as chromium, opened(chromium, address(file), **given, permissions=clipboard) as page:
        section = page.locator("#changed")
        expect(section.locator("summary").first).to_have_text("New failures (2 cells)")
        expect(section).to_contain_text("transformers 4.41.2 → 5.24.0, which alone moved.")
        expect(section).to_contain_text("numpy 1 → 2</script><img src=x onerror=alert(1)>")
        assert page.locator("img").count() == 0
        section.locator(".copy").first.click()
        assert page.evaluate("navigator.clipboard.readText()").startswith("nox -s bisect -- --axis transformers --good")
        section.locator("summary").last.press("Enter")
        expect(section.locator("details").last).to_have_attribute("open", "")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.fill("#ask [name=have]", "transformers==4.41.2\nwrong line")
        assert violations(page) == []
