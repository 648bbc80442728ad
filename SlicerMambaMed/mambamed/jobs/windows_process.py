"""Process start time and tree kill on Windows, through kernel32 and ``taskkill``."""

from __future__ import annotations

import subprocess
import sys

__all__ = ["NEW_GROUP_WITHOUT_WINDOW", "kill_tree", "start_mark"]

# CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW (winbase.h); the constants exist in subprocess on Windows alone.
NEW_GROUP_WITHOUT_WINDOW = 0x00000200 | 0x08000000
_PROCESS_QUERY_LIMITED_INFORMATION = 0x1000
_STILL_ACTIVE = 259


def start_mark(pid: int) -> str | None:
    """Return the creation time of a process (100 ns units since 1601) as text; ``None`` when it does not run."""
    if sys.platform != "win32":
        return None
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.OpenProcess.restype = wintypes.HANDLE
    handle = kernel.OpenProcess(_PROCESS_QUERY_LIMITED_INFORMATION, False, pid)
    if not handle:
        return None
    try:
        exit_code = wintypes.DWORD()
        times = [wintypes.FILETIME() for _ in range(4)]
        if not kernel.GetExitCodeProcess(wintypes.HANDLE(handle), ctypes.byref(exit_code)):
            return None
        if exit_code.value != _STILL_ACTIVE:
            return None
        if not kernel.GetProcessTimes(wintypes.HANDLE(handle), *[ctypes.byref(time) for time in times]):
            return ""
        return str(times[0].dwHighDateTime << 32 | times[0].dwLowDateTime)
    finally:
        kernel.CloseHandle(wintypes.HANDLE(handle))


def kill_tree(pid: int, include_itself: bool) -> None:
    """End a process with its children (``taskkill /T``), or only its children."""
    victims = [pid] if include_itself else _children(pid)
    for victim in victims:
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(victim)], capture_output=True, check=False)


def _children(pid: int) -> list[int]:
    """Return the direct children of a process, as PowerShell's process table lists them."""
    query = f"(Get-CimInstance Win32_Process -Filter 'ParentProcessId={pid}').ProcessId"
    answer = subprocess.run(
        ["powershell", "-NoProfile", "-Command", query], capture_output=True, text=True, check=False
    ).stdout
    return [int(word) for word in answer.split() if word.isdigit()]
