"""What a job shall do: ``request.json`` of the job directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from mambamed.errors import BadRequestError
from mambamed.jobs.files import read_json
from mambamed.jobs.files import write_json_atomically

__all__ = ["REQUEST_FILE", "SCHEMA_VERSION", "JobRequest"]

REQUEST_FILE = "request.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class JobRequest:
    """One task with its inputs and all its settings: enough to repeat the job.

    Attributes:
        task: name of the task, for example ``segment`` (see ``mambamed.jobs.tasks``).
        inputs: one mapping per input with ``name`` (its role), ``path`` and ``sha256`` (or ``None``: the engine
            computes it when the job starts).
        settings: the task's settings as its settings class writes them.
        output: where and how the caller wants the result; empty means the job directory's ``outputs`` folder.
        schema_version: version of this layout.
    """

    task: str
    inputs: Sequence[dict[str, Any]] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    def write(self, directory: Path | str) -> Path:
        """Write ``request.json`` into an existing folder and return its path."""
        path = Path(directory) / REQUEST_FILE
        write_json_atomically(path, asdict(self))
        return path

    @classmethod
    def read(cls, directory: Path | str) -> JobRequest:
        """Read ``request.json`` of a job directory.

        Raises:
            BadRequestError: it is missing, not JSON, of another schema version, or lacks what a request needs.
        """
        path = Path(directory) / REQUEST_FILE
        try:
            content = read_json(path)
        except OSError as error:
            raise BadRequestError(
                f"{directory} is not a job directory: {REQUEST_FILE} cannot be read ({error.strerror})."
            ) from error
        except ValueError as error:
            raise BadRequestError(f"{path} is not valid JSON ({error}).") from error
        return cls.from_json(content)

    @classmethod
    def from_json(cls, content: Any) -> JobRequest:
        """Check the decoded content of a request file and return it as a request.

        Raises:
            BadRequestError: a part is missing or of the wrong type.
        """
        if not isinstance(content, dict) or not isinstance(content.get("task"), str):
            raise BadRequestError('A job request must be a JSON object with a text "task".')
        version = content.get("schema_version", SCHEMA_VERSION)
        if version != SCHEMA_VERSION:
            raise BadRequestError(
                f"The job request has schema version {version}; this MambaMed reads version {SCHEMA_VERSION}. "
                "Use the MambaMed version that wrote it."
            )
        inputs = content.get("inputs", [])
        if not isinstance(inputs, list) or not all(
            isinstance(item, dict) and isinstance(item.get("path"), str) for item in inputs
        ):
            raise BadRequestError('"inputs" of a job request must be a list of objects with a text "path".')
        for name in ("settings", "output"):
            if not isinstance(content.get(name, {}), dict):
                raise BadRequestError(f'"{name}" of a job request must be a JSON object.')
        return cls(
            task=content["task"],
            inputs=inputs,
            settings=content.get("settings", {}),
            output=content.get("output", {}),
            schema_version=version,
        )
