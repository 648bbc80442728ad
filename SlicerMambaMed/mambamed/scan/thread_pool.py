"""Runs loops that release the interpreter lock in as many threads as PyTorch uses.

Own threads rather than numba's: they follow ``torch.get_num_threads()``, may be entered from several threads at once
(numba's plain threading layer may not) and survive a fork (GNU OpenMP does not).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

__all__ = ["run_tasks"]

SMALL_WORK = 200_000
"""Below this many elementary steps (about 0.1 ms) waking threads costs more than it saves."""

_LOCK = threading.Lock()
_POOLS: dict[int, ThreadPoolExecutor] = {}


def _forget_pools() -> None:
    """In a forked process: no thread of the parent lives on, and its lock may be held for ever."""
    global _LOCK
    _LOCK = threading.Lock()
    _POOLS.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pools)


def run_tasks(loop: Callable[..., None], tasks: Sequence[tuple[Any, ...]], work: int) -> None:
    """Call ``loop(*arguments)`` for each task and wait for all of them.

    Args:
        loop: releases the interpreter lock; tasks may run at the same time and in any order.
        tasks: arguments of each call.
        work: elementary steps of all tasks together.
    """
    threads = min(torch.get_num_threads(), len(tasks))
    if threads <= 1 or work < SMALL_WORK:
        for arguments in tasks:
            loop(*arguments)
        return
    remaining = iter(tasks)
    taking = threading.Lock()

    def worker() -> None:
        while True:
            with taking:
                arguments = next(remaining, None)
            if arguments is None:
                return
            loop(*arguments)

    helpers = [_pool(threads - 1).submit(worker) for _ in range(threads - 1)]
    try:
        worker()
    finally:
        for helper in helpers:
            # One that has not begun is not needed any more: no task is left.
            if not helper.cancel():
                helper.result()


def _pool(threads: int) -> ThreadPoolExecutor:
    """Pool of this many threads beside the calling one."""
    with _LOCK:
        if threads not in _POOLS:
            _POOLS[threads] = ThreadPoolExecutor(threads, thread_name_prefix="mambamed-scan")
        return _POOLS[threads]
