"""Compiles the loops of the ``numba`` scan at first use and keeps them on disk."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import torch
from numba.core import types

from mambamed.scan import numba_backward
from mambamed.scan import numba_forward
from mambamed.scan import numba_vectors
from mambamed.scan.compiled_cache import compiled_cache_folder

__all__ = ["CompiledScan", "compiled_scan", "numba_cache_in"]

_LOGGER = logging.getLogger(__name__)
_LOCK = threading.Lock()
_READY: dict[torch.dtype, CompiledScan] = {}


@dataclass(frozen=True)
class CompiledScan:
    """The compiled loops for one dtype; each releases the interpreter lock while it runs."""

    gather_rows: Callable[..., None]
    scatter_rows: Callable[..., None]
    scan_forward: Callable[..., None]
    scan_backward: Callable[..., None]


def compiled_scan(dtype: torch.dtype) -> CompiledScan:
    """Loops for float32 or float64, compiled once per processor and user, then read from the cache."""
    with _LOCK:
        if dtype not in _READY:
            _READY[dtype] = _compile(types.float32 if dtype == torch.float32 else types.float64)
        return _READY[dtype]


def _compile(scalar: types.Float) -> CompiledScan:
    modules = (numba_forward, numba_backward, numba_vectors)
    sources = tuple(Path(str(module.__file__)) for module in modules)
    functions: dict[str, Callable[..., None]] = {
        "gather_rows": numba_forward.gather_rows,
        "scatter_rows": numba_backward.scatter_rows,
        "scan_forward": numba_forward.scan_forward,
        "scan_backward": numba_backward.scan_backward,
    }
    folder = compiled_cache_folder("numba", sources)
    started = time.perf_counter()
    with numba_cache_in(folder):
        loops = {
            name: _compile_loop(functions[name], signature, cache=folder is not None)
            for name, signature in _signatures(scalar).items()
        }
    fresh = [name for name, loop in loops.items() if not sum(loop.stats.cache_hits.values())]
    if fresh:
        _LOGGER.info(
            "first use: compiled %s for %s in %.1f s%s",
            ", ".join(fresh),
            scalar,
            time.perf_counter() - started,
            f", kept in {folder}" if folder else "",
        )
    return CompiledScan(**loops)


def _compile_loop(loop: Callable[..., None], signature: Any, cache: bool) -> Any:
    # No fast-math: the vectors choose their own order of operations, and not-a-number has to stay not-a-number.
    return numba.njit([signature], nogil=True, cache=cache, error_model="numpy", boundscheck=False)(loop)


def _signatures(scalar: types.Float) -> dict[str, Any]:
    """Argument types of the loops, in the order of their arguments."""
    any_strides3 = types.Array(scalar, 3, "A")
    any_strides4 = types.Array(scalar, 4, "A")
    flat = types.Array(scalar, 1, "C")
    sums = types.Array(types.float64, 3, "C")
    number, flag = types.int64, types.boolean
    common = [
        *(any_strides3, any_strides3, any_strides3, flag, flat, flat, flag, flat),
        *(flat, number, number, number),
        *(flat, number, number, number),
        *(number, number, number, number, number),
    ]
    gather = [any_strides4, number, number, number, number, flat, number, number]
    scatter = [flat, number, number, number, number, number, any_strides4, number, number, number, number]
    forward = [*common, any_strides3, flat, flag, flat]
    backward = [*common, number, number, flat, flat, *([any_strides3] * 4), sums, flat, flat, number]
    return {
        "gather_rows": types.void(*gather),
        "scatter_rows": types.void(*scatter),
        "scan_forward": types.void(*forward),
        "scan_backward": types.void(*backward),
    }


@contextmanager
def numba_cache_in(folder: Path | None) -> Iterator[None]:
    """Let numba place the cache of functions declared inside in a folder of ours, and put its own setting back.

    Numba reads ``numba.config.CACHE_DIR`` when a function is declared; it offers no setting per function.
    """
    settings: Any = numba.config
    before = settings.CACHE_DIR
    try:
        if folder is not None:
            settings.CACHE_DIR = str(folder)
        yield
    finally:
        settings.CACHE_DIR = before
