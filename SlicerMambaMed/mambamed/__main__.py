"""``python -m mambamed``: the same as the ``mambamed`` command."""

from __future__ import annotations

import sys

from mambamed.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
