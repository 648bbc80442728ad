"""Makes the next import read the library's files anew, for developers who edit them while Slicer runs."""

from __future__ import annotations

from types import ModuleType

__all__ = ["forgetLibrary"]

LIBRARY = __name__.partition(".")[0]
KEPT = {LIBRARY, f"{LIBRARY}.Session"}


def forgetLibrary(modules: dict[str, ModuleType], *others: str) -> None:
    """Forget all modules of this library but the session, which holds the engine and the running jobs.

    Args:
        modules: ``sys.modules``.
        *others: names of further libraries to forget, those of the module that is read anew.
    """
    libraries = {LIBRARY, *others}
    for name in [name for name in modules if name.partition(".")[0] in libraries and name not in KEPT]:
        del modules[name]
