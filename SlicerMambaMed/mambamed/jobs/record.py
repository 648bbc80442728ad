"""The run record: everything needed to know how a result came about and to make it again (``result.json``)."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from mambamed.jobs.files import sha256_of_file
from mambamed.jobs.request import JobRequest
from mambamed.version import __version__

__all__ = ["RECORDED_PACKAGES", "RunRecord", "package_versions"]

RECORDED_PACKAGES = ("torch", "numpy", "SimpleITK", "scipy", "nnunetv2", "numba", "triton", "mamba-ssm", "monai")
"""Packages whose versions may change a result."""

RECORD_SCHEMA_VERSION = 1


def package_versions() -> dict[str, str]:
    """Return the versions of MambaMed, Python and the installed packages that matter, without importing them."""
    versions = {"mambamed": __version__, "python": platform.python_version()}
    for name in RECORDED_PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


class RunRecord:
    """Collects the record while a job runs; a task adds what it alone knows (device, model, outputs, ...).

    Example:
        >>> record.update(device="cpu", scan_backend="numba", dtype="float32", seed=0)
        >>> with record.timed("predict"):
        ...     predict()
        >>> record.add_output("segmentation", "outputs/segmentation.nii.gz")
    """

    def __init__(self, request: JobRequest) -> None:
        self._started = time.time()
        self._durations: dict[str, float] = {}
        self._outputs: dict[str, str] = {}
        self._warnings: list[str] = []
        self._metrics: dict[str, float] = {}
        self._fields: dict[str, Any] = {}
        self._request = asdict(request)

    def update(self, **fields: Any) -> None:
        """Set fields of the record: ``device``, ``scan_backend``, ``dtype``, ``seed``, ``model``, ``labels``, ...

        ``durations_s`` and ``outputs`` (mappings) and ``warnings`` (a list) are added to what is there already.
        """
        self._durations.update(fields.pop("durations_s", {}))
        self._outputs.update(fields.pop("outputs", {}))
        for message in fields.pop("warnings", []):
            self.add_warning(message)
        self._fields.update(fields)

    def add_output(self, name: str, relative_path: str) -> None:
        """Name a finished file by its path inside the job directory, for example ``outputs/volumes.csv``."""
        self._outputs[name] = relative_path

    def add_warning(self, message: str) -> None:
        """Keep something that changes how the result must be read; the same sentence is kept once."""
        if message not in self._warnings:
            self._warnings.append(message)

    @property
    def metrics(self) -> dict[str, float]:
        """The last value of each metric so far."""
        return dict(self._metrics)

    def add_metric(self, name: str, value: float) -> None:
        """Keep the last value of a measured quantity."""
        self._metrics[name] = value

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the wall time of a block, in seconds, to the durations under ``stage``."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._durations[stage] = self._durations.get(stage, 0.0) + time.perf_counter() - start

    def add_input_checksums(self) -> None:
        """Fill in the SHA-256 of every input file that the request gave without one (folders have none)."""
        for item in self._request["inputs"]:
            path = Path(item["path"])
            if not item.get("sha256") and path.is_file():
                item["sha256"] = sha256_of_file(path)

    def to_json(self) -> dict[str, Any]:
        """Return the whole record as it stands now."""
        now = time.time()
        return {
            "schema_version": RECORD_SCHEMA_VERSION,
            "task": self._request["task"],
            "inputs": self._request["inputs"],
            "settings": self._request["settings"],
            "outputs": self._outputs,
            **self._fields,
            "metrics": self._metrics,
            "warnings": self._warnings,
            "versions": package_versions(),
            "platform": {"system": platform.platform(), "machine": platform.machine(), "python": sys.version},
            "started": self._started,
            "finished": now,
            "durations_s": {**self._durations, "total": now - self._started},
        }
