"""The names that others rely on, and that the package itself stays light."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import mambamed.detection
import mambamed.detection.geometry


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, mambamed.detection, mambamed.detection.settings, mambamed.detection.description; "
        "box = mambamed.detection.OrientedBox(1, 2, 3, 4, 0.5, 'nodule', 0.9); "
        "heavy = {'torch', 'numpy', 'scipy', 'SimpleITK', 'numba'} & set(sys.modules); "
        "assert not heavy, heavy; "
        "assert callable(mambamed.detection.assign.coarse_to_fine_assign)"
    )
    source = str(Path(mambamed.detection.__file__).parents[2])
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": source})


def test_contract_of_the_assignment() -> None:
    parameters = inspect.signature(mambamed.detection.assign.coarse_to_fine_assign).parameters
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in parameters.values())
    tensors = ["priors", "gt_boxes", "gt_labels", "cls_logits", "decoded_boxes"]
    assert list(parameters) == [*tensors, "measure", "k", "q", "g", "strict"]
    assert [parameters[name].default for name in ("measure", "k", "q", "g", "strict")] == ["gjsd", 16, 12, 0.6, True]


def test_no_module_has_the_name_of_a_function() -> None:
    for name in mambamed.detection.geometry.__all__:
        assert callable(getattr(mambamed.detection.geometry, name))
    box = mambamed.detection.OrientedBox
    assert list(inspect.signature(box).parameters) == ["cx", "cy", "w", "h", "angle_rad", "label", "score"]
