"""The layers of the host side: engine <- logic <- widgets, read from the imports."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from extension.cmake_lists import module_folders

WIDGET_ENDINGS = ("Widget", "Panel", "Selector", "Selectors", "Choice", "View", "Line", "Status", "Dialog")
WIDGET_HELPERS = {"UserInterface"}
LIGHT_ENGINE = {
    "mambamed.detection.dota_line",
    "mambamed.detection.settings",
    "mambamed.detection.training.settings",
    "mambamed.emphysema.acquisition",
    "mambamed.emphysema.report.document",
    "mambamed.emphysema.report.explanation_section",
    "mambamed.emphysema.report.follow_up_section",
    "mambamed.emphysema.report.measure_text",
    "mambamed.emphysema.report.settings",
    "mambamed.emphysema.report.severity_section",
    "mambamed.emphysema.settings",
    "mambamed.errors",
    "mambamed.jobs",
    "mambamed.models.card",
    "mambamed.models.catalogue",
    "mambamed.registration.network_recipes",
    "mambamed.registration.network_training_settings",
    "mambamed.registration.presets",
    "mambamed.registration.settings",
    "mambamed.segmentation.architectures",
    "mambamed.segmentation.dataset_source",
    "mambamed.segmentation.estimate",
    "mambamed.segmentation.settings",
    "mambamed.segmentation.training_settings",
    "mambamed.cli.cases",
    "mambamed.cli.pairs",
}
# Reads DICOM for batches with numpy and SimpleITK, which are part of Slicer.
# The self-test makes its known objects again with numpy and scipy, which are part of Slicer too.
HEAVIER = {
    "CaseReader": {"mambamed.imaging.dicom"},
    "DetectionSelfTest": {"mambamed.detection.synthetic.draw", "mambamed.detection.synthetic.settings"},
}
LIBRARY_FILES = [path for folder in module_folders() for path in sorted((folder / f"{folder.name}Lib").rglob("*.py"))]


def _imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module)
    return names


def _is_widget(name: str) -> bool:
    return name.endswith(WIDGET_ENDINGS) or name in WIDGET_HELPERS


@pytest.mark.parametrize("path", LIBRARY_FILES, ids=lambda path: path.stem)
class TestLayers:
    def test_logic_knows_no_widget(self, path):
        if _is_widget(path.stem):
            return
        library = {name.rpartition(".")[2] for name in _imports(path) if name.partition(".")[0].endswith("Lib")}
        assert not {name for name in library if _is_widget(name)}

    def test_of_the_engine_only_the_light_parts_are_imported(self, path):
        allowed = LIGHT_ENGINE | HEAVIER.get(path.stem, set())
        engine = {name for name in _imports(path) if name.partition(".")[0] == "mambamed"}
        assert not {name for name in engine if not any(f"{name}.".startswith(f"{part}.") for part in allowed)}
        assert not {"torch", "nnunetv2", "nibabel"} & {name.partition(".")[0] for name in _imports(path)}

    def test_a_file_stays_readable(self, path):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
