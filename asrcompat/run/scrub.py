"""Make what packages printed fit to be published: without folders and secrets of ours, in characters files can hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asrcompat.run.secrets import without_secrets

_SITE_PACKAGES = re.compile(r"[^\s\"'=(]*?/lib/python\d\.\d+/site-packages/")
_STANDARD_LIBRARY = re.compile(r"[^\s\"'=(]*?/lib/(python\d\.\d+)/")
_SURROGATE = re.compile("[\ud800-\udfff]")


def encodable(text: str) -> str:
    """The text with a mark for each lone surrogate, what is left of a byte that was no text: no encoding takes those.

    No escape in its place: in JSON that would be the surrogate again, and strict readers refuse the whole file.
    """
    return _SURROGATE.sub("\ufffd", text)


class Scrubber:
    """Replaces folders, and what no file can hold, in texts and in texts inside of data."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        known = {str(folder): name for name, folder in folders.items()}
        known[str(Path.home())] = "~"
        self._known = [
            (re.compile(re.escape(folder) + r"(?![\w.-])"), name if name == "~" else f"<{name}>")
            for folder, name in sorted(known.items(), key=lambda one: -len(one[0]))
            if folder not in ("", "/")
        ]

    def text(self, text: str) -> str:
        """The text without this machine's folders and secrets, and fit to be written."""
        text = _SITE_PACKAGES.sub("site-packages/", encodable(text))
        return self._without_folders(_STANDARD_LIBRARY.sub(r"\1/", text))

    def log(self, log: bytes) -> bytes:
        """The same for a log, which may be long and without lines; folders of packages stay as the probe saw them."""
        return self._without_folders(log.decode("utf-8", "replace")).encode()

    def _without_folders(self, text: str) -> str:
        text = without_secrets(text)
        for pattern, name in self._known:
            text = pattern.sub(name, text)
        return text

    def data(self, value: Any) -> Any:
        """The same for every text in a value made of dicts and lists."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.data(key): self.data(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(one) for one in value]
        return value
