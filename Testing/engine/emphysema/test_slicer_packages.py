"""Density needs nothing that Slicer's Python lacks besides the engine's own list: no torch, no optional package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ANALYSE = """
import sys

class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "captum", "highdicom", "matplotlib", "cc3d", "monai", "pandas"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None

sys.meta_path.insert(0, Hide())
from engine.emphysema.conftest import draw_chest
from mambamed.emphysema import analyze
result = analyze(draw_chest().image(), compute=("density",))
print(round(result.regions["whole lung"].volume_l, 1))
"""


def test_density_runs_without_optional_packages():
    repository = Path(__file__).parents[3]
    search = [str(repository / "SlicerMambaMed"), str(repository / "Testing")]
    code = f"import sys; sys.path[:0] = {search!r}\n{ANALYSE}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    assert 4.0 < float(run.stdout.split()[-1]) < 6.0
