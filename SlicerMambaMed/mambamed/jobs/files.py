"""Files that are whole or absent: written under a temporary name, flushed to the disk, then renamed."""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["jsonable", "read_json", "sha256_of_file", "write_json_atomically", "write_text_atomically"]

_BLOCK_BYTES = 1 << 20


def write_text_atomically(path: Path, text: str) -> None:
    """Write UTF-8 text so that ``path`` holds either its old content or all of the new one, also after a power cut."""
    descriptor, temporary_name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary_name, 0o666 & ~mask)  # mkstemp makes files private; these are ordinary ones
        os.replace(temporary_name, path)
    except BaseException:
        Path(temporary_name).unlink(missing_ok=True)
        raise


def write_json_atomically(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON; see ``write_text_atomically`` and ``jsonable``."""
    write_text_atomically(path, json.dumps(jsonable(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not JSON.
    """
    return json.loads(path.read_text(encoding="utf-8"))


def jsonable(value: Any) -> Any:
    """Return ``value`` with everything that strict JSON lacks replaced.

    Paths, enumeration members and unknown objects become text, tuples and sets become lists, numbers of numpy and
    torch become Python's, and NaN or infinity becomes ``None``.
    """
    if value is None or isinstance(value, bool | int | str):
        return str(value.value) if hasattr(value, "value") and isinstance(value, str) else value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    if hasattr(value, "tolist"):
        return jsonable(value.tolist())
    return str(value)


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
