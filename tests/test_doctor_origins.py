"""What is no release from an index is told as what it is, and nothing private with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from factories import make_environment

from asrcompat.doctor.origins import Origin, origin, unreleased

SITE = "/env/lib/python3.10/site-packages"
STDLIB = "/usr/lib/python3.10"


def of(
    direct_url: dict[str, Any] | str | None, *, installer: str | None = "pip\n", folder: str = SITE
) -> Origin | None:
    text = json.dumps(direct_url) if isinstance(direct_url, dict) else direct_url
    return origin(text, installer=installer, folder=folder, stdlib=STDLIB)


@pytest.mark.parametrize(
    ("direct_url", "line", "version"),
    [
        (
            {"url": "https://me:secret@host.org/espnet.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "espnet @ git+https://host.org/espnet.git@abc  # 202412",
            "202412+checkout",
        ),
        (
            {"url": (Path.home() / "espnet").as_uri(), "dir_info": {"editable": True}},
            "espnet @ file://~/espnet  # 202412, editable",
            "202412+checkout",
        ),
        ({"url": "file:///src/espnet", "dir_info": {}}, "espnet @ file:///src/espnet  # 202412", "202412+checkout"),
        (
            {"url": "https://host.org/espnet-202412.whl?token=secret#sha256=0", "archive_info": {}},
            "espnet @ https://host.org/espnet-202412.whl  # 202412",
            "202412",
        ),
    ],
)
def test_a_direct_address_is_told(direct_url: dict[str, Any], line: str, version: str) -> None:
    found = of(direct_url)
    assert found is not None
    assert found.line("espnet", "202412") == line
    assert found.version("202412") == version


def test_a_version_with_a_local_part_keeps_it() -> None:
    assert Origin(url="file:///x", checkout=True).version("2.5.0a0+git12") == "2.5.0a0+git12.checkout"


@pytest.mark.parametrize(
    "folder", ["/home/me/espnet", "/opt/espnet/", "/env/lib/python3.10/site-packages/espnet-checkout"]
)
def test_metadata_outside_of_the_folders_for_packages_are_a_checkouts(folder: str) -> None:
    found = of(None, folder=folder)
    assert found is not None
    assert (found.checkout, found.editable) == (True, True)


@pytest.mark.parametrize(
    "found",
    [
        of(None),
        of(None, folder="/usr/lib/python3/dist-packages"),
        of(None, folder=STDLIB),
        of(None, folder=f"{SITE}/six-1.16-py3.10.egg"),
        of({"url": "file:///home/conda/feedstock_root/work", "dir_info": {}}, installer="conda"),
        of("{"),
        of("[]"),
        of("{}"),
    ],
)
def test_all_else_counts_as_released(found: Origin | None) -> None:
    assert found is None


def test_an_environment_tells_which_of_its_packages_are_no_releases() -> None:
    installed = (
        "espnet-s3prl @ file:///x  # 1",
        "ESPnet @ file:///x  # 202402",
        "numpy @ file:///x  # 1",
        "torch==2.3.1",
    )
    assert unreleased(make_environment(host="box", installed=installed)) == ("espnet",)
    assert unreleased(make_environment()) == ()
