"""A headless browser for tests of the page; without Chromium on the machine these tests are skipped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium from the system's packages."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@contextmanager
def opened(browser: Browser, address: str, **options: object) -> Iterator[Page]:
    """A page that has nothing to complain of, and asks for nothing but itself."""
    context = browser.new_context(**options)  # type: ignore[arg-type]
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    yield page
    assert said == []
    assert {one.partition("#")[0] for one in asked} == {address.partition("#")[0]}
    context.close()


@contextmanager
def walked(browser: Browser, file: Path) -> Iterator[Page]:
    """A page from which others are gone to, which ask for nothing but what lies in their folders either."""
    context = browser.new_context()
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("request", lambda request: said.append(request.url) if not request.url.startswith("file:") else None)
    page.goto(address(file))
    yield page
    assert said == []
    context.close()


def violations(page: Page) -> list[str]:
    """What WCAG 2.2 AA says against the page as it is now, each with a few places."""
    # what is not laid out, being far from the screen, has no size that could be judged
    page.evaluate("for (const one of document.querySelectorAll('article')) one.style.contentVisibility = 'visible'")
    # nor has the table while its lines are causes, and Chromium warns where it is asked for
    page.evaluate("for (const one of document.querySelectorAll('#lines[hidden]')) one.style.display = 'none'")
    levels = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = Axe().run(page, options={"runOnly": levels, "resultTypes": ["violations"]}).response["violations"]
    page.evaluate("for (const one of document.querySelectorAll('#lines')) one.style.display = ''")
    return [f"{one['id']}: {[node['html'][:100] for node in one['nodes'][:3]]}" for one in found]


def address(file: Path) -> str:
    """A file as the browser names it."""
    return file.resolve().as_uri()
