"""Which cells, in few words: paths that share their environments are named together, environments by their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asrcompat.model import Device
from asrcompat.report import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from asrcompat.model import Cell

Key = tuple[str, str, str]

_RUN = 3  # so many neighbours are written as a range


def path_label(cell: Cell) -> str:
    """Name the path, with its device where that is not the CPU."""
    return label(cell.path, cell.device)


def where(keys: Iterable[Key], numbers: Mapping[str, int], *, of: Iterable[Key] = ()) -> str:
    """Name cells by their keys: ``s3prl-hf, espnet-s3prl in 1, 4; s3prl-hf@resaved in 2, 3``.

    A path whose cells among `of` are all there is named without numbers, and all of `of` as such.
    """
    seen, whole = _by_label(keys), _by_label(of)
    if seen == whole:
        return "everywhere"
    together: dict[str, list[str]] = {}
    for path, environments in seen.items():
        found = "" if environments == whole.get(path) else " in " + counted(environments, numbers)
        together.setdefault(found, []).append(path)
    return "; ".join(f"{', '.join(paths)}{found}" for found, paths in together.items())


def _by_label(keys: Iterable[Key]) -> dict[str, dict[str, None]]:
    seen: dict[str, dict[str, None]] = {}
    for environment, path, device in keys:
        seen.setdefault(label(path, device), {})[environment] = None
    return seen


def counted(environments: Iterable[str], numbers: Mapping[str, int]) -> str:
    """Name environments by their numbers, variants of the laboratory by how many, others by their own names."""
    found = dict.fromkeys(environments)
    known = sorted({numbers[one] for one in found if one in numbers})
    variants: dict[int, int] = {}
    named = []
    for one in found:
        if one in numbers:
            continue
        base = max((base for base in numbers if one.startswith(f"{base}+")), key=len, default=None)
        if base is None:
            named.append(one)
        else:
            variants[numbers[base]] = variants.get(numbers[base], 0) + 1
    of = [f"{words.plural(count, 'variant')} of {number}" for number, count in sorted(variants.items())]
    return ", ".join([*_ranges(known), *of, *named])


def label(path: str, device: str) -> str:
    """Name a path, with the device where that is not the CPU."""
    return path if device in ("", Device.CPU) else f"{path} ({device})"


def _ranges(numbers: list[int]) -> list[str]:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts = ([f"{run[0]}\N{EN DASH}{run[-1]}"] if len(run) >= _RUN else [str(one) for one in run] for run in runs)
    return [text for several in texts for text in several]
