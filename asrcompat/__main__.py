"""``python -m asrcompat``."""

from asrcompat.cli import main

raise SystemExit(main())
