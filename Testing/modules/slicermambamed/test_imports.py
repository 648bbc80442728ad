"""What is imported when: nothing foreign at Slicer's start, never torch in Slicer's own process."""

from __future__ import annotations

import subprocess
import sys

import pytest
from extension.cmake_lists import REPOSITORY
from extension.cmake_lists import module_folders

# Imports a module file as Slicer's start does, with everything hidden but the standard library and Slicer's own.
# The modules of the application are replaced by empty ones that have any name that is asked for.
START = """
import importlib.util, sys, time, types
class Anything(types.ModuleType):
    __path__ = []
    __all__ = []
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})
host = ("slicer", "slicer.i18n", "slicer.util", "slicer.ScriptedLoadableModule", "slicer.parameterNodeWrapper")
for name in (*host, "vtk", "qt", "ctk", "numpy"):
    sys.modules[name] = Anything(name)
sys.modules["slicer.i18n"].tr = sys.modules["slicer.i18n"].translate = lambda *words: words[-1]
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"{name} is imported at Slicer's start", name=name)
sys.meta_path.insert(0, Hide())
path, name = sys.argv[1:]
before = set(sys.modules)
start = time.process_time()
spec = importlib.util.spec_from_file_location(name, path)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
seconds = time.process_time() - start
assert all(hasattr(module, name + part) for part in ("", "Widget", "Logic", "Test"))
print(f"{seconds:.6f}")
"""

LIGHT = """
import sys
import mambamed.jobs.directory, mambamed.jobs.launch, mambamed.jobs.process, mambamed.jobs.request, mambamed.jobs.states
import mambamed.models.card, mambamed.models.catalogue
import mambamed.segmentation.settings, mambamed.segmentation.estimate
import mambamed.segmentation.architectures, mambamed.segmentation.dataset_source
import mambamed.segmentation.training_settings
import mambamed.registration.presets, mambamed.registration.settings
import mambamed.emphysema.settings, mambamed.emphysema.report.settings, mambamed.emphysema.report.measure_text
import mambamed.emphysema.report.severity_section, mambamed.emphysema.report.explanation_section
import mambamed.emphysema.report.follow_up_section
import mambamed.detection.dota_line, mambamed.detection.settings, mambamed.detection.training.settings
import mambamed.cli.cases, mambamed.cli.pairs
from mambamed.models.catalogue import list_models
list_models()
top = {name.partition(".")[0] for name in sys.modules}
print(sorted(top - sys.stdlib_module_names - {"mambamed"} - sys_before))
"""


@pytest.mark.parametrize("folder", module_folders(), ids=lambda folder: folder.name)
def test_a_module_file_imports_nothing_foreign_at_slicers_start(folder):
    path = folder / f"{folder.name}.py"
    command = [sys.executable, "-c", START, str(path), folder.name]
    seconds = []
    for _ in range(3):
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert run.returncode == 0, run.stderr
        seconds.append(float(run.stdout))
    # The smallest of three, since the machine may be busy; the file itself takes about a millisecond.
    assert min(seconds) < 0.05


def test_what_slicer_imports_of_the_engine_needs_the_standard_library_alone():
    source = "import sys\nsys_before = {name.partition('.')[0] for name in sys.modules}\n" + LIGHT
    command = [
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, {str(REPOSITORY / 'SlicerMambaMed')!r})\n" + source,
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.stdout.strip() == "[]", run.stdout + run.stderr


@pytest.mark.own_process
def test_a_whole_run_of_the_panel_never_imports_torch_in_slicers_process(slicer_host):
    module = slicer_host.load(REPOSITORY / "SlicerMambaMed" / "SlicerMambaMed.py")
    module.exit()
    module.enter()
    module.widget.panel.refresh()
    heavy = {"torch", "nnunetv2", "numba", "SimpleITK", "nibabel"} & set(sys.modules)
    assert not heavy
