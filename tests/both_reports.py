"""The repository's two reports as pages in a browser. Modules that use it import `chromium`, `folder` and `place`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from browser import address, browser
from conftest import ROOT
from playwright.sync_api import Browser

from asrcompat.model import Results
from asrcompat.report.site import site
from asrcompat.result_files import parse_results

of_both = pytest.mark.parametrize("report", ["reports", "reports/nightly"])


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as launched:
        yield launched


@cache
def results(report: str) -> Results:
    return parse_results((ROOT / report / "results.json").read_bytes(), source=report)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture
def place(folder: Path, report: str) -> str:
    """The address of the table of a report, with its other pages beside it."""
    own = folder / report.replace("/", "-")
    if not own.exists():
        own.mkdir()
        for name, text in site(results(report)).items():
            (own / name).write_text(text, encoding="utf-8")
    return address(own / "index.html")
