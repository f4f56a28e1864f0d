"""Preloaded by workers of the tests: they find the Python that the stand-in for the probe has; some are odd."""

from __future__ import annotations

import os
import platform
from unittest.mock import patch

import fake_probe

LIBC_VARIABLE = "ASRCOMPAT_TESTS_LIBC"  # the version of the C library that a worker says it has

patch("asrcompat.running.remote.find", lambda _: fake_probe.this_python()).start()
if LIBC_VARIABLE in os.environ:
    patch.object(platform, "libc_ver", lambda: ("glibc", os.environ[LIBC_VARIABLE])).start()
