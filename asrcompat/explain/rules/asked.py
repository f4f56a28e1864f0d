"""What somebody asked for of an environment, and what two environments were asked for differently."""

from __future__ import annotations

import re

from packaging.utils import canonicalize_name
from packaging.version import Version

from asrcompat.explain.rules.conditions import Versions
from asrcompat.model import Environment
from asrcompat.spec.fields import FORK

BUILD = "torch build"  # asked for besides torch's version; no distribution has such a name
TOGETHER = (frozenset({"torch", "torchaudio"}), frozenset({"s3prl", FORK}))  # of which one is not asked for alone
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


def asked_for(environment: Environment, versions: Versions) -> Versions:
    """What somebody asked for; of an environment that was found as it is, all of it could have been."""
    build = {BUILD: _build(environment)}
    if environment.host is not None:
        return {**versions, **build}
    # an override is listed as a requirement and a remark
    pins: dict[str, str] = {canonicalize_name(_NAME.findall(pin)[0]): pin for pin in environment.pins}
    return {**pins, **environment.packages, "python": versions["python"], **build}


def differing(one: Versions, other: Versions) -> set[str]:
    """The packages of which the two have different versions, or only one has any."""
    return {package for package in one.keys() | other.keys() if one.get(package) != other.get(package)}


def apart(one: Versions, other: Versions) -> int:
    """In how many things the two differ; what is asked for together is one."""
    things = differing(one, other)
    together = sum(not things.isdisjoint(several) for several in TOGETHER)
    return together + len(things.difference(*TOGETHER))


def _build(environment: Environment) -> str:
    """The build of torch that was asked for: PyPI's goes along with the version, and is none of its own."""
    if environment.torch_build == "cpu":
        return "cpu"
    torch = environment.packages.get("torch")
    return "" if torch is None else Version(torch).local or ""
