"""``python -m slicer_host.slicer_command``: stands for the command ``Slicer`` when it runs a script.

Understands what our batch documentation uses: ``--no-splash --no-main-window --testing --additional-module-paths A B
--python-script SCRIPT ARGUMENTS`` and ``--python-code CODE``. As in Slicer, ``sys.argv`` is the script and its
arguments; ``slicer.util.exit(code)`` and ``sys.exit(code)`` give the exit code; after any other end of the script the
application would go on waiting, which this command reports with exit code 97 (with ``--testing`` it ends with 0, or 1
after an error).
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path

__all__ = ["WOULD_WAIT", "main"]

WOULD_WAIT = 97
"""Exit code when the real application would not have ended."""


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="Slicer")
    parser.add_argument("--no-splash", action="store_true")
    parser.add_argument("--no-main-window", action="store_true")
    parser.add_argument("--testing", action="store_true")
    parser.add_argument("--additional-module-paths", nargs="+", default=[])
    parser.add_argument("--python-code", "-c")
    script: list[str] = []
    if "--python-script" in arguments:
        position = arguments.index("--python-script")
        script = arguments[position + 1 :]
        arguments = arguments[:position]
    options = parser.parse_args(arguments)
    options.script = script
    return options


def _run(options: argparse.Namespace) -> int | None:
    """Run the code; return the exit code that it asked for, or None."""
    import slicer

    if options.script:
        path = options.script[0]
        code = compile(Path(path).read_text(encoding="utf-8"), path, "exec")
        sys.argv = list(options.script)
    else:
        code = compile(options.python_code or "", "<python-code>", "exec")
    try:
        exec(code, {"__name__": "__main__", "__file__": options.script[0] if options.script else None})
    except SystemExit as ending:
        if ending.code is None:
            return 0
        return ending.code if isinstance(ending.code, int) else 1
    except Exception:
        traceback.print_exc()
        return 1 if options.testing else None
    return slicer.app._h_exit_code


def main(arguments: list[str] | None = None) -> int:
    """Start the host, load the modules, run the script; return the exit code."""
    options = _parse(sys.argv[1:] if arguments is None else arguments)
    from slicer_host.host import start

    host = start(main_window=not options.no_main_window)
    host.reset(testing=options.testing)
    for folder in options.additional_module_paths:
        for path in sorted(Path(folder).glob("*.py")):
            host.load(path, enter=False, widget=not options.no_main_window)
    exit_code = _run(options)
    host.processEvents()
    if exit_code is None and options.testing:
        exit_code = 1 if host.errors else 0
    if exit_code is None:
        print("the script ended without slicer.util.exit(): Slicer would go on waiting", file=sys.stderr)
        exit_code = WOULD_WAIT
    return exit_code


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
