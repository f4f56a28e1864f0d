"""A page of HTML as tests look at it."""

from __future__ import annotations

from html.parser import HTMLParser

from asrcompat.model import Results
from asrcompat.report.site import site


def whole(results: Results) -> str:
    """All pages of a report, one after the other."""
    return "\n".join(site(results).values())


class Page(HTMLParser):
    """Collects tags and anchors, and checks that what opens is closed."""

    VOID = ("meta", "br", "input", "wbr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember the tag."""
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_data(self, data: str) -> None:
        """Keep what a script is."""
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Hold it against the tag that is open."""
        assert self.open.pop() == tag
