"""A record is read up to where it is torn: what follows is not to be relied on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asrcompat.run.records import read_events

LINES = [json.dumps({"event": name}) for name in ("started", "child", "climbed", "finished")]


def names(file: Path) -> list[str]:
    return [event["event"] for event in read_events(file)]


def test_whole_lines_are_read(tmp_path: Path) -> None:
    file = tmp_path / "planted.jsonl"
    assert names(file) == []
    file.write_text("".join(f"{line}\n" for line in LINES))
    assert names(file) == ["started", "child", "climbed", "finished"]
    file.write_text("\n".join(LINES))
    assert names(file) == ["started", "child", "climbed"]


@pytest.mark.parametrize("torn", ['{"event": "che', '{"event": "che{"event": "climbed"}', ""])
def test_nothing_after_a_torn_line_is_read(tmp_path: Path, torn: str) -> None:
    file = tmp_path / "planted.jsonl"
    file.write_text("".join(f"{line}\n" for line in [*LINES[:2], torn, *LINES[2:]]))
    assert names(file) == ["started", "child"]
