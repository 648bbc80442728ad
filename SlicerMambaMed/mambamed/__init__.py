"""MambaMed: the engine behind the four modules of the 3D Slicer extension.

Importing this package imports nothing heavy; each task is imported when it is first used. Images cross the public
functions as ``SimpleITK.Image`` (LPS, millimetres).

Layers, lowest first (each imports only from those below it, checked by import-linter):
``errors`` - ``scan``, ``imaging`` - ``nn``, ``models``, ``jobs`` - ``training`` - the tasks - ``cli``.
"""

from __future__ import annotations

from mambamed.version import __version__

__all__ = ["__version__"]
