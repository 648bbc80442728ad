"""The selective scan: one differentiable operator, several backends, no compiler needed."""

from __future__ import annotations

from mambamed.scan.dispatch import last_backend
from mambamed.scan.dispatch import selective_scan
from mambamed.scan.registry import BACKEND_VARIABLE
from mambamed.scan.registry import availability
from mambamed.scan.registry import backends
from mambamed.scan.registry import choose_backend

__all__ = ["BACKEND_VARIABLE", "availability", "backends", "choose_backend", "last_backend", "selective_scan"]
