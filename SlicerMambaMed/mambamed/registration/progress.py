"""Progress of one part of a registration as progress of the whole."""

from __future__ import annotations

from mambamed.jobs.reporter_part import ReporterPart as Part

__all__ = ["Part"]
