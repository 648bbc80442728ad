"""Where compiled kernels are kept between runs: the user's cache folder, never the folder of the installation."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from pathlib import Path

__all__ = ["CACHE_VARIABLE", "compiled_cache_folder", "user_cache_folder"]

CACHE_VARIABLE = "MAMBAMED_CACHE_DIR"
"""Environment variable that names another folder for everything MambaMed caches."""

_LOGGER = logging.getLogger(__name__)


def user_cache_folder() -> Path:
    """Folder for what MambaMed caches for this user; it need not exist yet."""
    chosen = os.environ.get(CACHE_VARIABLE, "").strip()
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "").strip() or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME", "").strip() or "~/.cache"
    return Path(base).expanduser() / "mambamed"


def compiled_cache_folder(kind: str, sources: tuple[Path, ...]) -> Path | None:
    """Writable folder for compiled code of some source files, made if needed; None (logged) if there is none.

    The folder's name holds a digest of the sources, so that code compiled from other sources is never taken.

    Args:
        kind: what compiles, such as ``numba``.
        sources: files that the compiled code depends on.
    """
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    folder = user_cache_folder() / kind / digest.hexdigest()[:16]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as problem:
        _LOGGER.warning(
            "Compiled kernels cannot be kept in %s (%s): they are compiled again in every process; "
            "set %s to a writable folder.",
            folder,
            problem,
            CACHE_VARIABLE,
        )
        return None
    return folder
