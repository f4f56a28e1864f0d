"""The page as a site: which files there are, what leads to them, and which file tells what a link names.

A link inside the report names an anchor (`grid.Target`), and anchors are the same whichever file tells a thing; only
this module knows the files. All are in one folder and every link is relative, so that it can be opened from a disk.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from asrcompat.report.grid import Target

INDEX, CAUSES, UNRECOGNISED, CLAIMS = "index.html", "causes.html", "unrecognised.html", "claims.html"
BOUNDARIES, METADATA, COVERAGE = "boundaries.html", "metadata.html", "coverage.html"
FINDINGS, HISTORY, MADE = "findings.html", "history.html", "made.html"
TITLES = {
    INDEX: "Table",
    CAUSES: "Causes",
    CLAIMS: "Claims",
    BOUNDARIES: "Boundaries",
    METADATA: "Metadata",
    COVERAGE: "Coverage",
    FINDINGS: "Findings",
    HISTORY: "History",
    MADE: "How it was made",
}
# What every page of ours begins with, and nobody else's.
MARK = '<!doctype html>\n<html lang="en" data-made-by="asrcompat-report">\n'
_OF_A_CAUSE = re.compile(r"cause-[a-z0-9]+(?:-[a-z0-9]+)*\.html")
_SLUG = 60


@dataclass(frozen=True, kw_only=True)
class Link:
    """An entry of a navigation; `current` is what ``aria-current`` says of it."""

    title: str
    address: str
    current: str = ""


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where links lead from one page: `files` tell what has a page of its own by its anchor, `own` is on this one."""

    page: str
    files: Mapping[str, str] = field(default_factory=dict)
    own: Collection[str] = ()

    def __call__(self, target: Target) -> str:
        """The address of a target."""
        file = self.page if target.anchor in self.own else self.file(target)
        return f"#{target.anchor}" if file == self.page else f"{file}#{target.anchor}"

    def file(self, target: Target) -> str:
        """The file that tells of a target."""
        if target.page in ("claims", "findings"):
            return CLAIMS if target.page == "claims" else FINDINGS
        return self.files.get(target.anchor, INDEX)


def navigation(there: Collection[str], page: str) -> tuple[Link, ...]:
    """The same on every page, and where one is: a cause's page is a part of the causes."""
    of = page if page in TITLES else CAUSES
    marks = {page: "page", of: "page" if of == page else "true"}
    return tuple(
        Link(title=title, address=file, current=marks.get(file, "")) for file, title in TITLES.items() if file in there
    )


def reports(profile: str, beside: Mapping[str, str]) -> tuple[Link, ...]:
    """The report itself and those published beside it, where there are any."""
    others = [Link(title=name, address=address) for name, address in sorted(beside.items()) if name != profile]
    return (Link(title=profile, address=INDEX, current="true"), *others) if others else ()


def cause_files(identities: Collection[str]) -> dict[str, str]:
    """A file for each signature, named after it, so that its address stays; a name is never what a package wrote."""
    found: dict[str, str] = {}
    for identity in identities:
        name = slug = re.sub(r"[^a-z0-9]+", "-", identity.lower())[:_SLUG].strip("-") or "unnamed"
        number = 1
        while f"cause-{name}.html" in found.values():
            number += 1
            name = f"{slug}-{number}"
        found[identity] = f"cause-{name}.html"
    return found


def ours(name: str, beginning: str) -> bool:
    """Whether a file is a page of a report: it is called like one, and begins as every one of them does.

    The report's folder may hold other files, and a page of this name that somebody wrote is theirs.
    """
    called = name in TITLES or name == UNRECOGNISED or _OF_A_CAUSE.fullmatch(name) is not None
    return called and beginning.startswith(MARK)
