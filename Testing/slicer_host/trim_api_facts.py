"""Trim the API facts of Slicer's and CTK's GUI classes to what module panels can touch.

``python -m slicer_host.trim_api_facts SOURCE.json gui_api.json`` wrote the file beside this one. Kept: the chain of
bases, properties (type, writable, notify signal), signals, callable methods, enums that reach Python, and what the
oldest supported Slicer lacks. Dropped: everything that Python can not reach, and classes of other parts of the
application.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

__all__ = ["main", "normalized_signature", "trim"]

OLDEST_SUPPORTED = "v5.10.0"
_DROPPED = re.compile(
    r"Event(Player|Translator|Observer|Source|Logger)|DICOM|Workflow|Settings|Reader$|Writer$|Writer.*Options|IOOptions|Console|"
    r"ErrorLog|PythonManager|Plugins?$|Job|Worker|TransferFunction|Histogram|AxesWidget|Extension|Test|XML|Annotation|"
    r"Delegate$|ModuleWidget$|PropertiesWidget$|Camera|WebWidget|WebPython|Style$|Welcome|CLI|VolumeRendering|Snap|"
    r"SceneViews|Diffusion|DTI|AboutDialog|ErrorReport|RelativePath|FileDialog|SaveData|DataDialog|ScreenShot|Screenshot|"
    r"UpdateManager|Updates|Update|ModelsDialog|ExportNodeDialog|QtTesting|Language|Sequence|Transform(Slider|Info)|"
    r"Unit|Reformat|SegmentEditor(Abstract|Effect|Erase|Paint|Scissors|Scripted)|Callback|ctkVTK(?!ThresholdWidget|DataSetArray)"
)
_KEPT = {
    "ctkSettings",
    "ctkSettingsPanel",
    "ctkCommandLineParser",
    "ctkFileDialog",
    "ctkPythonConsole",
    "ctkConsole",
    "qSlicerScriptedLoadableModuleWidget",
    "qSlicerAbstractModuleWidget",
    "qSlicerCamerasModule",
    "qMRMLTransformSliders",
    "qMRMLLinearTransformSlider",
    "qMRMLPlotChartPropertiesWidget",
    "qMRMLPlotSeriesPropertiesWidget",
}
_LAST_WORDS = {"int", "long", "short", "char", "double", "float", "bool", "const"}


def _argument_type(argument: str) -> str:
    argument = argument.split("=")[0].strip()
    named = re.match(r"^(.*[\s&*>])([A-Za-z_]\w*)$", argument)
    if named and named.group(2) not in _LAST_WORDS and named.group(1).strip() not in ("const", "unsigned"):
        argument = named.group(1).strip()
    by_reference = re.match(r"^const\s+(.*?)\s*&$", argument)
    if by_reference:
        argument = by_reference.group(1)
    return re.sub(r"\s*([*&<>,])\s*", r"\1", argument)


def _split(arguments: str) -> list[str]:
    parts, depth, current = [], 0, ""
    for character in arguments:
        depth += {"<": 1, "(": 1, ">": -1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += character
    return [part for part in [*parts, current] if part.strip()]


def normalized_signature(declaration: str) -> str:
    """Turn a C++ declaration into Qt's signature form: ``void f(const QString& s)`` -> ``f(QString)``."""
    match = re.match(r"^(?P<head>[^(]*?)(?P<name>~?\w+)\s*\((?P<arguments>.*)\)[^)]*$", declaration.strip(), re.DOTALL)
    if match is None:
        raise ValueError(f"no function declaration: {declaration!r}")
    return f"{match['name']}({','.join(_argument_type(part) for part in _split(match['arguments']))})"


def _trim_class(facts: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {"chain": facts["chain"]}
    if facts.get("properties"):
        kept["properties"] = {
            item["name"]: [item["type"], int("write" in item), item.get("notify") or ""] for item in facts["properties"]
        }
    if facts.get("signals"):
        kept["signals"] = [normalized_signature(text) for text in facts["signals"]]
    methods = [*facts.get("slots", []), *facts.get("invokables", []), *(facts.get("python_decorators") or [])]
    signatures = {normalized_signature(text) for text in methods if "(" in text}
    if signatures:
        kept["methods"] = sorted(signatures)
    reachable = set(facts.get("q_enums") or [])
    enums = {
        name: [[key, value] for key, value in values if isinstance(value, int)]
        for name, values in (facts.get("enums") or {}).items()
        if name in reachable or f"{name}s" in reachable
    }
    if enums:
        kept["enums"] = enums
    missing = (facts.get("not_in") or {}).get(OLDEST_SUPPORTED)
    if missing:
        kept["not_in_oldest"] = missing
    return kept


def trim(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the trimmed facts, with every base of a kept class kept too."""
    classes = facts["classes"]
    names = {name for name in classes if name in _KEPT or not _DROPPED.search(name)}
    for name in list(names):
        names.update(base for base in classes[name]["chain"] if base in classes)
    return {
        "oldest_supported": OLDEST_SUPPORTED,
        "slicer": facts["meta"]["slicer"],
        "layouts": facts["layouts"]["values"],
        "objects": {name: item["class"] for name, item in facts["objects"].items()},
        "classes": {name: _trim_class(classes[name]) for name in sorted(names)},
    }


def main(source: str, target: str) -> None:
    """Write the trimmed file, one class per line."""
    trimmed = trim(json.loads(Path(source).read_text(encoding="utf-8")))
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in trimmed.pop("classes").items()]
    head = json.dumps(trimmed)[:-1]
    Path(target).write_text(head + ', "classes": {\n' + ",\n".join(lines) + "\n}}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
