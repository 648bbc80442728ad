"""Say in one line which libraries of the system a make target lacks, and which Debian packages bring them.

``make demo`` needs nothing but what every glibc Linux with Python has. ``make test`` opens real Qt widgets (off-screen
platform) and renders slice views with VTK through EGL: those load libraries that no wheel brings.

Usage: python Testing/check_system.py demo|test
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

__all__ = ["LIBRARIES", "message", "missing_packages"]

# What `readelf -d` names as NEEDED in the wheels of SimpleITK, PyTorch, numba and slicer-core (demo) and, besides
# those, in PySide6's QtCore, QtGui, QtDBus and its off-screen platform, and what VTK opens for EGL rendering (test).
LIBRARIES: dict[str, dict[str, str]] = {
    "demo": {
        "libstdc++.so.6": "libstdc++6",
        "libgcc_s.so.1": "libgcc-s1",
        "libz.so.1": "zlib1g",
    },
    "test": {
        "libglib-2.0.so.0": "libglib2.0-0",
        "libgthread-2.0.so.0": "libglib2.0-0",
        "libzstd.so.1": "libzstd1",
        "libGL.so.1": "libgl1",
        "libEGL.so.1": "libegl1",
        "libEGL_mesa.so.0": "libegl-mesa0",
        "libX11.so.6": "libx11-6",
        "libxkbcommon.so.0": "libxkbcommon0",
        "libdbus-1.so.3": "libdbus-1-3",
        "libfontconfig.so.1": "libfontconfig1",
        "libfreetype.so.6": "libfreetype6",
    },
}
"""Library file to the Debian package that brings it, for each target (``test`` needs those of ``demo`` too)."""

RENDERER_PATTERNS = ("dri/swrast_dri.so", "dri/kms_swrast_dri.so", "libgallium-*.so")
"""Names of Mesa's software renderer in a library folder, by version of Mesa."""

FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts")


def missing_packages(target: str) -> dict[str, str]:
    """Return what ``target`` lacks here, each library, renderer or font with its Debian package."""
    needed = LIBRARIES["demo"] if target == "demo" else {**LIBRARIES["demo"], **LIBRARIES["test"]}
    missing = {library: package for library, package in needed.items() if not _loads(library)}
    if target == "test":
        if not _has_renderer():
            missing["Mesa's software renderer"] = "libgl1-mesa-dri"
        if not _has_font():
            missing["a TrueType font"] = "fonts-dejavu-core"
    return missing


def message(target: str, missing: dict[str, str]) -> str:
    """Return the one line that says what is missing and how to get it."""
    packages = " ".join(dict.fromkeys(missing.values()))
    return f"make {target} lacks {', '.join(missing)}; install with: apt install {packages}"


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _has_renderer() -> bool:
    """Look where the dynamic linker does: /usr/lib, /usr/lib64, /usr/lib/x86_64-linux-gnu, ..."""
    folders = [Path("/usr/lib"), Path("/usr/lib64"), *Path("/usr/lib").glob("*-linux-*")]
    return any(any(folder.glob(pattern)) for folder in folders for pattern in RENDERER_PATTERNS)


def _has_font() -> bool:
    walks = (os.walk(folder) for folder in FONT_FOLDERS)  # which does not follow links in circles
    return any(name.lower().endswith((".ttf", ".otf")) for walk in walks for _, _, names in walk for name in names)


def main(arguments: list[str]) -> int:
    """Check the target named in ``arguments``; other systems than Linux have these libraries built in."""
    target = arguments[0] if arguments else "test"
    missing = missing_packages(target) if sys.platform == "linux" else {}
    if missing:
        print(message(target, missing), file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
