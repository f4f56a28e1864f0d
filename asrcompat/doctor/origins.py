"""Where something installed came from, if that is no index: a checkout, an address, a file on somebody's disk.

Its version then names no release: another checkout that calls itself the same may be other code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from packaging.utils import canonicalize_name

from asrcompat.model import Environment
from asrcompat.run.scrub import Scrubber

_SITE_FOLDERS = ("site-packages", "dist-packages")
_SIGN = " @ "
_CREDENTIALS = re.compile(r"(?<=://)[^/@]+@")


@dataclass(frozen=True, kw_only=True)
class Origin:
    """An address, fit to be published; `checkout`: source code that was built or is used there, no built file."""

    url: str
    checkout: bool
    editable: bool = False

    def line(self, name: str, version: str) -> str:
        """What stands in a list of what is installed, in place of ``name==version``."""
        return f"{name}{_SIGN}{self.url}  # {version}" + (", editable" if self.editable else "")

    def version(self, version: str) -> str:
        """The version with a local mark that tells it from the release's, where it is a checkout's."""
        return f"{version}{'.' if '+' in version else '+'}checkout" if self.checkout else version


def origin(direct_url: str | None, *, installer: str | None, folder: str, stdlib: str) -> Origin | None:
    """The origin by what lies beside the metadata (``direct_url.json``, ``INSTALLER``) and the `folder` it lies in.

    None for a release from an index, as far as that can be told.
    """
    place = PurePath(folder)
    if place.name not in _SITE_FOLDERS and place.suffix != ".egg" and folder != stdlib:
        return Origin(url=_publishable(place.as_uri()), checkout=True, editable=True)  # by `setup.py develop`
    if direct_url is None or (installer or "").strip() == "conda":  # a conda package's is of where it was built
        return None
    try:
        facts: Mapping[str, Any] = json.loads(direct_url)
        url = _publishable(facts["url"])
    except (ValueError, TypeError, KeyError):
        return None
    if "vcs_info" in facts:
        source = facts["vcs_info"]
        return Origin(url=f"{source.get('vcs', 'git')}+{url}@{source.get('commit_id', '')}", checkout=True)
    if "dir_info" in facts:
        return Origin(url=url, checkout=True, editable=bool(facts["dir_info"].get("editable")))
    return Origin(url=url, checkout=False)


def unreleased(environment: Environment) -> tuple[str, ...]:
    """Those of an environment's `packages` that are no releases from an index, as its `installed` tells."""
    listed = {canonicalize_name(line.partition(_SIGN)[0]) for line in environment.installed if _SIGN in line}
    return tuple(name for name in environment.packages if canonicalize_name(name) in listed)


def _publishable(url: str) -> str:
    """Without a password, what may hold one, and this person's home."""
    url = _CREDENTIALS.sub("", url).partition("?")[0].partition("#")[0]
    return Scrubber({}).text(url) if url.startswith("file:") else url
