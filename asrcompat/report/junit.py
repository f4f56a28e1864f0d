"""``junit.xml``: one suite per environment, one case per path and device.

Consumers go red on every failure, so a failure that is no worse than the baseline expects is told as
skipped, with ``known:`` and the baseline's reason; red is for what somebody has to look at. An
environment without a result is an error, an unavailable device is skipped. Checks that decide nothing
leave a case as it is, and what they found stands in its output.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from asrcompat.model import Outcome
from asrcompat.report import expectations, failures, words
from asrcompat.report.sanitize import one_line, xml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from asrcompat.model import Cell, Environment, Results

_RED = (Outcome.BROKEN, Outcome.UNSTABLE)


def junit(results: Results) -> str:
    """Write the results as JUnit XML."""
    known = expectations.known(results)
    root = ET.Element("testsuites", {"name": "asrcompat", "timestamp": xml(results.generated_at)})
    for environment in results.environments:
        cells = [cell for cell in results.cells if cell.environment == environment.id]
        root.append(_suite(results, environment, cells, known))
    for identity in results.missing:
        root.append(_absent(identity))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _suite(
    results: Results, environment: Environment, cells: list[Cell], known: Mapping[tuple[str, str, str], str]
) -> ET.Element:
    suite = ET.Element("testsuite", {"name": xml(environment.id), "timestamp": xml(results.generated_at)})
    properties = ET.SubElement(suite, "properties")
    facts = {"python": environment.python, **environment.packages, "torch_build": environment.torch_build or ""}
    for name, value in facts.items():
        if value:
            ET.SubElement(properties, "property", {"name": xml(name), "value": xml(value)})
    for cell in cells:
        suite.append(_case(cell, known.get(cell.key)))
    return _counted(suite)


def _case(cell: Cell, known: str | None) -> ET.Element:
    case = ET.Element("testcase", _identity(cell.environment, f"{cell.path}[{cell.device}]"))
    case.set("time", f"{sum(cell.seconds.values()):.3f}")
    said = ": ".join(filter(None, [words.cell_label(cell), one_line(cell.message)]))
    if cell.outcome is Outcome.UNAVAILABLE:
        ET.SubElement(case, "skipped", {"message": said})
    elif known is not None:
        ET.SubElement(case, "skipped", {"message": one_line(f"known: {known}")})
    elif cell.outcome in _RED or cell.outcome is Outcome.ERROR:
        kind = xml(cell.exception or cell.outcome.value)
        told = ET.SubElement(
            case, "error" if cell.outcome is Outcome.ERROR else "failure", {"type": kind, "message": said}
        )
        told.text = xml(failures.traceback_of(cell) or cell.message)
    if found := "\n".join(_found(cell)):
        ET.SubElement(case, "system-out").text = found
    return case


def _found(cell: Cell) -> Iterator[str]:
    """What did not pass and decides nothing, a line each."""
    for check in cell.checks:
        if not check.required and check.outcome in failures.FAILED:
            said = f": {one_line(check.message)}" if check.message else ""
            yield f"{check.outcome} at {check.stage}, deciding nothing: {one_line(check.id)}{said}"


def _absent(identity: str) -> ET.Element:
    suite = ET.Element("testsuite", {"name": xml(identity)})
    case = ET.SubElement(suite, "testcase", _identity(identity, "result"))
    ET.SubElement(case, "error", {"type": "missing", "message": "planned, and no result was found"})
    return _counted(suite)


def _identity(environment: str, name: str) -> dict[str, str]:
    return {"classname": xml(environment), "name": xml(name)}


def _counted(suite: ET.Element) -> ET.Element:
    suite.set("tests", str(len(suite.findall("testcase"))))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{tag}"))))
    return suite
