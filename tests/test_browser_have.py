"""What a person has, pasted into the page: the page reads it, and answers, as the terminal does."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browser import address, browser, opened
from conftest import ROOT
from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet
from packaging.version import Version
from playwright.sync_api import Browser, expect

from asrcompat.advice import AXES, MAIN_PATHS, Answer, Candidate, Question, answer, seen_in, wanted
from asrcompat.ask.have import from_file
from asrcompat.errors import UsageError
from asrcompat.model import Results
from asrcompat.report.render import html
from asrcompat.result_files import parse_results
from asrcompat.run.lock import versions_of

of_both = pytest.mark.parametrize("report", ["reports", "reports/nightly"])
VERSIONS = (
    *("1", "1.0", "1.0.1", "1.1", "2.0.0", "2.0.0+cpu", "2.0.1+cu126", "1!1.0", "1.0rc1", "1.0a2", "1.0b1", "1.0.dev3"),
    *("1.0a2.dev1", "1.0.post1", "1.0.post1.dev2", "1.0-2", "1.0.rev3", "v1.0", "1.0alpha", "202402", "2026.5.14"),
)
BOUNDS = tuple(
    f"{operator}{version}{more}"
    for operator, version, more in itertools.product(
        ("==", "!=", "<", "<=", ">", ">=", "~=", "==="), VERSIONS, ("", ".*")
    )
)
HAVE = (
    "transformers==4.57.6",
    "torch==2.6.0+cu124\ntransformers>=4.40,<4.50",
    "torch>=2.6,<2.9\nnumpy<2\n",
    "espnet-s3prl==2026.5.14\nespnet==202511",
    "S3PRL>0.4.10 ; python_version > '3.8' and sys_platform == 'linux'",
    "s3prl==0.4.12\ntorch==2.5.1 # between what was tested",
    "transformers[torch] ~= 4.41.2 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\nnumpy == 1.26.4",
    "--index-url https://example.org/simple\n-r other.txt\n-e .\n./here\ngit+https://example.org/x\ntorch==2.8.0",
    "pywin32==306 ; platform_system == 'Windows'\ntorch @ https://example.org/torch.whl\nrich==13.0\nno-such-thing==1",
    "colorama>=0.4 ; os_name == 'nt' or (sys_platform == 'linux' and python_version in '3.10 3.11')\ntorch (==2.8.0)",
    "transformers==5.24.0\ntransformers==4.41.2",
    "torch!=2.8.*\nespnet>=202301\n\n# nothing here\n",
    "torch===2.8.0\nnumpy",
)
WRONG = (
    "torch=2.8.0",
    "torch==2.8.0\nthis is none",
    "transformers==",
    "a b",
    "[x]==1",
    "torch>=2.0+cu118",
    "x; os_nam == 'a'",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as launched:
        yield launched


def results_of(report: str) -> tuple[Results, dict[str, str]]:
    results = parse_results((ROOT / report / "results.json").read_bytes(), source=report)
    names = [one.lock for one in results.environments if one.lock is not None]
    return results, {name: (ROOT / report / name).read_text(encoding="utf-8") for name in names}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("have")


@pytest.fixture
def place(folder: Path, report: str) -> str:
    file = folder / f"{report.replace('/', '-')}.html"
    if not file.exists():
        file.write_text(html(*results_of(report)), encoding="utf-8")
    return address(file)


def candidates(report: str) -> list[Candidate]:
    results, locks = results_of(report)
    return [replace(one, locked=versions_of(locks[one.environment.lock or ""])) for one in seen_in(results, ".")]


def as_the_page_tells(found: Answer, numbers: dict[str, str]) -> list[list[object]]:
    return [
        [
            numbers[fit.candidate.environment.id],
            [[one.distribution, one.before, one.to or "none"] for one in fit.changes],
            list(fit.without),
        ]
        for fit in found.fits or found.instead
    ]


@of_both
def test_the_page_answers_what_one_has_as_the_terminal_does(
    chromium: Browser, place: str, report: str, tmp_path: Path
) -> None:
    known = candidates(report)
    results, locks = results_of(report)
    numbers = {one.id: str(number) for number, one in enumerate(results.environments, start=1)}
    texts = [*HAVE, *itertools.islice(locks.values(), 4)]
    with opened(chromium, place) as page:
        told = page.evaluate(
            "([texts, needs]) => texts.map(text => { const read = page.requirements.read(text, '3.11');"
            " const told = page.ask.answer({}, needs, read.have);"
            " return [read.wrong, read.passed,"
            " told.found.map(one => [one.number, one.changes.told, one.changes.without])]; })",
            [texts, MAIN_PATHS],
        )
    file = tmp_path / "requirements.txt"
    for text, (wrong, passed, found) in zip(texts, told, strict=True):
        file.write_text(text, encoding="utf-8")
        have, passed_over = from_file(file, python="3.11")
        assert wrong == ""
        assert passed == passed_over, text
        assert found == as_the_page_tells(answer(Question(have=have), known), numbers), text


@pytest.mark.parametrize("report", ["reports/nightly"])
def test_what_is_wanted_and_what_one_has_are_weighed_together(
    chromium: Browser, place: str, report: str, tmp_path: Path
) -> None:
    known = candidates(report)
    numbers = {one.id: str(number) for number, one in enumerate(results_of(report)[0].environments, start=1)}
    file = tmp_path / "requirements.txt"
    file.write_text("\n".join((*HAVE[1].splitlines(), "numpy<2")), encoding="utf-8")
    have, _ = from_file(file)
    with opened(chromium, place) as page:
        for version in page.eval_on_selector_all("#ask [name=espnet] option", "all => all.map(one => one.value)")[1:]:
            found = page.evaluate(
                "([text, version, needs]) => page.ask.answer({espnet: version}, needs,"
                " page.requirements.read(text, null).have).found.map(one => one.number)",
                [file.read_text(encoding="utf-8"), version, MAIN_PATHS],
            )
            question = Question(wants={"espnet": wanted("espnet", f"=={version}")}, have=have)
            expected = answer(question, known)
            assert found == [numbers[fit.candidate.environment.id] for fit in expected.fits or expected.instead]


@pytest.mark.parametrize("report", ["reports"])
def test_a_line_that_is_no_requirement_is_told_as_in_the_terminal(
    chromium: Browser, place: str, tmp_path: Path
) -> None:
    file = tmp_path / "requirements.txt"
    with opened(chromium, place) as page:
        for text in WRONG:
            file.write_text(text, encoding="utf-8")
            with pytest.raises(UsageError) as refused:
                from_file(file)
            page.fill("#ask [name=have]", text)
            number = text.count("\n") + 1
            assert f"line {number}: " in str(refused.value)
            before = page.locator("#answer pre").all_text_contents()
            assert before
            said = f"What you have, line {number}: '{text.splitlines()[-1]}' is no requirement; write it as in"
            expect(page.locator("#answer")).to_contain_text(said)
            # the last answer is there, and is seen to be old
            expect(page.locator("#answers")).to_have_class("stale")
            assert page.locator("#answer pre").all_text_contents() == before
        page.fill("#ask [name=have]", "transformers==4.41.2\n-r more.txt")
        expect(page.locator("#answer")).to_contain_text("Not looked at: line 2: -r more.txt")
        expect(page.locator("#answered")).to_contain_text("nearest to what you have first")
        expect(page.locator("#answers")).not_to_have_class("stale")
        expect(page.locator("#answer li").first).to_contain_text("transformers 4.41.2")
        page.fill("#ask [name=have]", "torch==2.8.0; python_version < '3.11'")
        expect(page.locator("#answer")).to_contain_text("that depends on the Python: choose one")
        page.fill("#ask [name=have]", "<img src=x onerror=alert(1)>")
        expect(page.locator("#answer")).to_contain_text("'<img src=x onerror=alert(1)>' is no requirement")
        assert page.locator("#answer img").count() == 0


@pytest.mark.parametrize("report", ["reports"])
def test_only_the_count_is_read_out_and_only_where_it_is_another(chromium: Browser, place: str) -> None:
    with opened(chromium, place) as page:
        assert page.locator("#ask [aria-live]").count() == 0
        expect(page.locator("#ask [role=status]")).to_have_text(
            re.compile(r"^\d+ environments? will do; newest first:$")
        )
        page.evaluate(
            "() => { window.told = 0; new MutationObserver(() => { window.told += 1; })"
            ".observe(document.getElementById('answered'), {childList: true, characterData: true, subtree: true}); }"
        )
        page.fill("#ask [name=have]", "transformers==4.41.2")
        expect(page.locator("#answered")).to_contain_text("nearest to what you have")
        page.fill("#ask [name=have]", "transformers==4.57.6")
        expect(page.locator("#answers li").first).to_contain_text("transformers 4.57.6")
        assert page.evaluate("window.told") == 1


@pytest.mark.parametrize("report", ["reports"])
def test_versions_are_compared_as_packaging_compares_them(chromium: Browser, place: str) -> None:
    with opened(chromium, place) as page:
        told = page.evaluate(
            "([bounds, versions]) => bounds.map(text => { const bound = page.pep440.bound(text);"
            " return bound && versions.map(one => page.pep440.holds([bound], one)); })",
            [BOUNDS, VERSIONS],
        )
    for bound, found in zip(BOUNDS, told, strict=True):
        try:
            specifier = Specifier(bound)
        except InvalidSpecifier:
            assert found is None, bound
            continue
        assert found is not None, bound
        expected = [SpecifierSet(str(specifier)).contains(one, prereleases=True) for one in VERSIONS]
        unlike = [one for one, *both in zip(VERSIONS, found, expected, strict=True) if both[0] != both[1]]
        assert (bound, unlike) == (bound, [])
    assert all(map(Version, VERSIONS))


@pytest.mark.parametrize("report", ["reports"])
def test_the_axes_have_lines_to_count_along(chromium: Browser, place: str) -> None:
    with opened(chromium, place) as page:
        assert page.evaluate("Object.keys(page.data.lines).sort()") == sorted(AXES)
