"""How long the page of 500 environments takes to be there, to be filtered and to answer, in headless Chromium."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from asrcompat.report.pages import INDEX
from asrcompat.report.site import site

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from browser import address, browser, opened  # noqa: E402 - lies beside the tests
from many_results import make_many_results  # noqa: E402 - as above

ENVIRONMENTS, TIMES = 500, 5
RENDER_GOAL, FILTER_GOAL, ANSWER_GOAL = 2.0, 0.1, 0.1  # seconds
PACKAGES = 123  # lines of a pip freeze
# until what was asked for is laid out
FILTER = """value => {
  const field = document.querySelector("#view [name=outcome]");
  const started = performance.now();
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  document.body.getBoundingClientRect();
  return performance.now() - started;
}"""
# what a pause in the text box costs
ANSWER = """text => {
  const started = performance.now();
  const { have } = page.requirements.read(text, "3.11");
  page.ask.answer({}, page.data.main, have);
  return performance.now() - started;
}"""


def lock(number: int) -> str:
    """What one environment has, in one of a few releases of each."""
    return "".join(f"package-{one}==1.{(number + one) % 5}.0\n" for one in range(PACKAGES))


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        started = time.monotonic()
        results = make_many_results(ENVIRONMENTS)
        locks = {one.lock: lock(number) for number, one in enumerate(results.environments) if one.lock is not None}
        pages = site(results, locks=locks)
        made = time.monotonic() - started
        text = pages[INDEX]
        file = Path(folder) / INDEX
        file.write_text(text, encoding="utf-8")
        shown, filtered, answered = [], [], []
        for _ in range(TIMES):
            started = time.monotonic()
            with opened(chromium, address(file)) as page:
                page.evaluate("new Promise(requestAnimationFrame)")
                shown.append(time.monotonic() - started)
                filtered += [page.evaluate(FILTER, value) / 1000 for value in ("broken", "", "works", "")]
                answered.append(page.evaluate(ANSWER, lock(ENVIRONMENTS)) / 1000)
        print(f"{ENVIRONMENTS} environments: {len(text) / 1e6:.1f} MB, all {len(pages)} pages rendered in {made:.1f} s")
        print(f"first shown after {statistics.median(shown):.2f} s (goal: {RENDER_GOAL} s)")
        print(f"filtered in {1000 * statistics.median(filtered):.0f} ms (goal: {1000 * FILTER_GOAL:.0f} ms)")
        asked = f"what changes of {PACKAGES} packages answered in {1000 * statistics.median(answered):.0f} ms"
        print(f"{asked} (goal: {1000 * ANSWER_GOAL:.0f} ms)")


if __name__ == "__main__":
    main()
