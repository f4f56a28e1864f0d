"""Hostile text is shown as it is, and does nothing, in every form."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from asrcompat.report import sanitize

# Every code point counts, surrogates included, and the characters that mean something come up often.
HOSTILE = st.text(
    st.one_of(st.characters(), st.sampled_from("`|\\<>&*_~[]()!#$\r\n\t \x1b\x9b\x00\u202e\u2028\ud800-+=:1."))
)
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]"
)


def shown(rendered: str) -> str:
    """Give the text of rendered Markdown, having made sure that it is one paragraph or cell of nothing but text."""
    inner = re.fullmatch(r"(?:<p>)?([^<>]*)(?:</p>\n)?", rendered)
    assert inner, rendered
    return html.unescape(inner[1])


@given(HOSTILE)
def test_printable_leaves_nothing_that_acts(text: str) -> None:
    assert not FORBIDDEN.search(sanitize.printable(text))


@given(HOSTILE)
def test_printable_once_is_enough(text: str) -> None:
    assert sanitize.printable(sanitize.printable(text)) == sanitize.printable(text)


@given(st.text(st.characters(categories=["L", "N", "P", "S", "M", "Zs"])))
def test_printable_keeps_what_people_read(text: str) -> None:
    kept = sanitize.printable(text)
    assert [character for character in text if character.isalnum()] == [
        character for character in kept if character.isalnum()
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://evil\x07link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;open title\nnext line", "\nnext line"),
        ("\x9b2Jcleared", "cleared"),
        ("10%\r50%\r\n", "10%\n50%\n"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("क्\u200dष", "क्\u200dष"),
        ("half \ud800 pair", "half \ufffd pair"),
        ("tab\there", "tab\there"),
    ],
)
def test_printable_by_example(text: str, expected: str) -> None:
    assert sanitize.printable(text) == expected


@given(HOSTILE, st.integers(2, 60))
def test_one_line_is_one_line_within_its_limit(text: str, limit: int) -> None:
    line = sanitize.one_line(text, limit)
    assert len(line) <= limit
    assert "\n" not in line


def test_one_line_cuts_between_words() -> None:
    assert sanitize.one_line("module has no attribute", 14) == "module has…"
    assert sanitize.one_line("supercalifragilistic", 10) == "supercali…"


@given(HOSTILE)
def test_markdown_shows_the_text_itself(text: str) -> None:
    assert shown(PARSER.render(sanitize.markdown(text))) == sanitize.one_line(text)


@given(HOSTILE)
def test_markdown_stays_in_its_table_cell(text: str) -> None:
    rendered = PARSER.render(f"| a | b | c |\n| --- | --- | --- |\n| 1 | {sanitize.markdown(text)} | 3 |\n")
    cells = re.findall(r"<td>(.*?)</td>", rendered)
    assert len(cells) == 3
    assert (cells[0], cells[2]) == ("1", "3")
    assert shown(cells[1]) == sanitize.one_line(text)


def test_markdown_keeps_ordinary_text_readable() -> None:
    text = "AttributeError: module 'torchaudio' has no attribute 'set_audio_backend' (2.3.1+cpu, 13/20)"
    assert sanitize.markdown(text) == text
    assert sanitize.markdown("a|b `c` <d> __init__") == "a&#124;b &#96;c&#96; &lt;d&gt; &#95;&#95;init&#95;&#95;"


@given(HOSTILE)
def test_markdown_block_is_one_block_of_the_text(text: str) -> None:
    tokens = PARSER.parse(f"before\n\n{sanitize.markdown_block(text)}\n\nafter\n")
    fences = [token for token in tokens if token.type == "fence"]
    assert [token.type for token in tokens[3:4]] == ["fence"]
    assert len(fences) == 1
    assert fences[0].content.rstrip("\n") == sanitize.printable(text).strip("\n")
    assert tokens[-2].content == "after"


@given(HOSTILE)
def test_xml_can_be_read_back(text: str) -> None:
    element = ET.Element("e", {"a": sanitize.xml(text)})
    element.text = sanitize.xml(text)
    read = ET.fromstring(ET.tostring(element))  # noqa: S314 - written in the line above
    assert (read.text or "") == sanitize.xml(text)
    assert read.get("a") == sanitize.xml(text)


@given(HOSTILE)
def test_a_web_address_is_one_or_nothing(text: str) -> None:
    address = sanitize.web_address("https://example.org/" + text)
    assert address in ("", "https://example.org/" + text)
    (inline,) = PARSER.parse(f"[x](<{address or 'https://example.org'}>)")[1:2]
    assert [child.type for child in inline.children or ()] == ["link_open", "text", "link_close"]
    assert not set("<>\"' &") & set(address)


@pytest.mark.parametrize(
    "text", ["javascript:alert(1)", "http://example.org", "file:///x", "//x", "https://", "https:///x"]
)
def test_what_is_no_safe_address(text: str) -> None:
    assert sanitize.web_address(text) == ""
