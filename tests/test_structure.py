"""One direction of flow: a room imports what lies below it, and nothing imports what runs inside environments."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from conftest import ROOT

PACKAGE = ROOT / "asrcompat"
PICTURE = re.search(r"```text\n(.*?)```", (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"), re.DOTALL)
assert PICTURE is not None
# From top to bottom; rooms of one line may import each other. What a line says of them stands after two blanks.
ROOMS = [line.partition("  ")[0].split(" · ") for line in PICTURE[1].splitlines()]
ROOMS[0].append("__main__")
ROOMS[-1].append("__init__")
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(file: Path) -> Iterator[str]:
    """The rooms that a module imports, relative imports left out: they stay in their own."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "asrcompat" and (room := rest.partition(".")[0]) and not room.startswith("__"):
                yield room


def modules() -> list[Path]:
    return sorted(file for file in PACKAGE.rglob("*.py") if "shims" not in file.parts)


def test_every_room_has_its_place() -> None:
    assert {room_of(file) for file in modules()} - {"probe"} == set(LEVEL)


def test_a_module_imports_what_lies_below_it() -> None:
    upwards = [
        f"{file.relative_to(ROOT)} imports asrcompat.{room}"
        for file in modules()
        if room_of(file) != "probe"
        for room in imported(file)
        if room != "probe" and LEVEL[room] < LEVEL[room_of(file)]
    ]
    assert upwards == []


def test_the_probe_stands_alone() -> None:
    assert [file for file in modules() if room_of(file) == "probe" and set(imported(file)) - {"probe"}] == []
    assert [file for file in modules() if room_of(file) != "probe" and "probe" in set(imported(file))] == []
