from __future__ import annotations

import errno

import pytest
from mambamed.errors import BadRequestError
from mambamed.errors import JobCancelledError
from mambamed.errors import MambaMedError
from mambamed.jobs.failures import describe_failure
from mambamed.jobs.states import ExitCode
from mambamed.jobs.states import JobState


@pytest.mark.parametrize(
    ("error", "words", "exit_code"),
    [
        (BadRequestError("Say this."), "Say this.", ExitCode.BAD_REQUEST),
        (MambaMedError("Say that."), "Say that.", ExitCode.FAILED),
        (JobCancelledError(), "Cancelled", ExitCode.CANCELLED),
        (KeyboardInterrupt(), "Cancelled", ExitCode.CANCELLED),
        (MemoryError(), "The computer ran out of memory", ExitCode.FAILED),
        (RuntimeError("CUDA out of memory. Tried"), "The graphics card ran out of memory", ExitCode.FAILED),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you"), "computer ran", ExitCode.FAILED),
        (OSError(errno.ENOSPC, "No space left on device", "/out/a.nii"), "disk is full: writing /out/a.nii", 1),
        (PermissionError(errno.EACCES, "Permission denied", "/out"), "Access to /out was denied", ExitCode.FAILED),
        (FileNotFoundError(errno.ENOENT, "No such file", "/in"), "/in does not exist", ExitCode.FAILED),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), "package torch is missing", ExitCode.FAILED),
        (KeyError("x"), "unforeseen error: KeyError", ExitCode.FAILED),
    ],
)
def test_failure_is_one_sentence_with_an_exit_code(error, words, exit_code):
    failure = describe_failure(error)
    assert words in failure.message
    assert "\n" not in failure.message
    assert "Traceback" not in failure.message
    assert failure.exit_code == exit_code
    assert failure.state is (JobState.CANCELLED if exit_code == ExitCode.CANCELLED else JobState.FAILED)
