"""The names that others rely on, and that the package itself stays light."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import mambamed.registration.disa
import mambamed.registration.networks
import mambamed.registration.similarity


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, mambamed.registration; "
        "heavy = {'torch', 'numpy', 'scipy', 'SimpleITK', 'numba'} & set(sys.modules); "
        "assert not heavy, heavy; "
        "assert callable(mambamed.registration.similarity.lc2)"
    )
    source = str(Path(mambamed.registration.__file__).parents[2])
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": source})


def test_contract_of_names_and_leading_parameters() -> None:
    expected = {
        mambamed.registration.similarity.lc2: ["us", "mr", "radii"],
        mambamed.registration.similarity.mind_ssc: ["volume", "radius", "dilation"],
        mambamed.registration.disa.descriptors: ["image", "spacing_mm", "stride"],
        mambamed.registration.networks.build: ["name", "config"],
        mambamed.registration.networks.from_reference_config: ["name", "cfg"],
        mambamed.registration.networks.load_reference_weights: ["network", "state_dict"],
    }
    for function, names in expected.items():
        assert list(inspect.signature(function).parameters)[: len(names)] == names
    signature = inspect.signature(mambamed.registration.similarity.lc2)
    assert signature.parameters["radii"].default == (3, 5, 7)
    assert callable(mambamed.registration.disa.DISANet)
