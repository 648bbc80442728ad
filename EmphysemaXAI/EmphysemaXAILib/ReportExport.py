"""Writes the report of a result: HTML, PDF, DICOM SEG and SR, made by the engine from the run record."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from SlicerMambaMedLib.NodeExport import exportVolume
from SlicerMambaMedLib.RunRecordNode import readRecord
from SlicerMambaMedLib.SceneJob import SceneJob
from SlicerMambaMedLib.Text import tr as _

from EmphysemaXAILib.DicomSource import dicomSource
from EmphysemaXAILib.HistogramPlot import histogramOfTable
from EmphysemaXAILib.InputReferences import inputNode
from EmphysemaXAILib.ResultNodes import MAP_PREFIX
from EmphysemaXAILib.ResultNodes import nodesByRole
from EmphysemaXAILib.ScenePictures import takePictures
from EmphysemaXAILib.SegmentationExport import exportSegments

__all__ = ["ReportExport"]

_DICOM_FORMATS = ("dicom-seg", "dicom-sr")


class ReportExport:
    """Starts report jobs; the pictures are the scene's slices where there are views, else the engine draws them.

    Args:
        session: engine, runner and settings.
        scene: the MRML scene.
    """

    TASK = "emphysema-report"

    def __init__(self, session: Any, scene: Any) -> None:
        self._session = session
        self._scene = scene

    def problem(self, recordNode: Any | None, formats: Sequence[str]) -> str:
        """Return an empty text when a report can be made, else one sentence that says what is missing."""
        if recordNode is None:
            return _("Choose a result, or click Apply first.")
        if set(formats) & set(_DICOM_FORMATS):
            ct = inputNode(recordNode, "ct")
            if ct is None:
                return _("The CT of this result is no longer in the scene. Load it again.")
            if dicomSource(ct) is None:
                return _("The CT was not loaded from DICOM, so that DICOM files cannot refer to it.")
        return ""

    def start(
        self,
        recordNode: Any,
        folder: Path,
        formats: Sequence[str] = ("html", "pdf"),
        opacity: float = 0.5,
        threshold: float = 0.3,
        name: str = "",
        case: str = "",
    ) -> SceneJob:
        """Start the job that writes the files into a folder, and return at once; ``nodes`` of the job are the paths.

        Args:
            recordNode: run record of the result.
            folder: where the files go; existing ones of the same name are replaced.
            formats: of ``mambamed.emphysema.report.settings.REPORT_FORMATS``.
            opacity: of the overlays in the pictures.
            threshold: share of the brightest colour below which heat maps are transparent.
            name: of the files, without ending; the record node's name if empty.
            case: for the heading; the CT's name if empty.

        Raises:
            ValueError: the node holds no record, or something is missing.
        """
        problem = self.problem(recordNode, formats)
        if problem:
            raise ValueError(problem)
        record = readRecord(recordNode)
        from mambamed.emphysema.report.settings import ReportSettings
        from mambamed.jobs.request import JobRequest

        ct = inputNode(recordNode, "ct")
        case = case or (ct.GetName() if ct is not None else recordNode.GetName())
        name = name or recordNode.GetName()
        jobFolder = self._session.runner.newJobFolder(self.TASK)
        try:
            inputs = self._inputs(recordNode, record, formats, jobFolder, opacity, threshold)
            settings = ReportSettings(tuple(formats), case=case)
            job = self._session.runner.start(JobRequest(self.TASK, inputs, settings.to_json()), jobFolder)
        except BaseException:
            shutil.rmtree(jobFolder, ignore_errors=True)
            raise

        def deliver(directory: Any, sceneJob: Any) -> dict[str, Path]:
            return _deliver(directory.outputs, Path(folder), name)

        return FileJob(job, self._session.runner, self._scene, [recordNode], deliver)

    def save(self, recordNode: Any, folder: Path | str, **settings: Any) -> dict[str, Path]:
        """Write the files, wait for them and return their paths by output name; for scripts.

        Raises:
            ValueError: something is missing.
            RuntimeError: the job failed or was cancelled; the message says why.
        """
        job = self.start(recordNode, Path(folder), **settings)
        job.wait()
        if job.outcome != "done":
            raise RuntimeError(job.message)
        return dict(job.nodes)

    def _inputs(
        self,
        recordNode: Any,
        record: dict[str, Any],
        formats: Sequence[str],
        folder: Path,
        opacity: float,
        threshold: float,
    ) -> list[dict[str, Any]]:
        nodes = nodesByRole(recordNode)
        inputs = [_jsonInput("record", record, folder)]
        if "histogram" in nodes:
            inputs.append(_jsonInput("histogram", histogramOfTable(nodes["histogram"]), folder))
        isDicom = bool(set(formats) & set(_DICOM_FORMATS))
        pictures = [] if isDicom else takePictures(recordNode, folder, opacity, threshold)
        inputs += [picture.asInput() for picture in pictures]
        ct = inputNode(recordNode, "ct")
        if ct is not None and not pictures:
            inputs += self._volumes(ct, nodes, record, folder)
        source = dicomSource(ct) if ct is not None and isDicom else None
        return [*inputs, source.asInput()] if source is not None else inputs

    @staticmethod
    def _volumes(ct: Any, nodes: dict[str, Any], record: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
        """Write the CT, the label maps and the heat maps for an engine that has to draw the pictures itself."""
        exported = exportVolume(ct, folder / "ct.nrrd")
        inputs = [{"name": "ct", "path": str(exported.path), "sha256": exported.sha256}]
        for role, node in nodes.items():
            path = folder / f"{role.replace(':', '_')}.nrrd"
            if node.IsA("vtkMRMLSegmentationNode"):
                values = {label["name"]: int(label["value"]) for label in record.get("labels", {}).get(role, ())}
                try:
                    checksum = exportSegments(node, ct, exported.geometry, path, values)
                except ValueError:
                    continue  # nothing of it is in the image, so that there is nothing to draw
            elif role.startswith(MAP_PREFIX):
                checksum = exportVolume(node, path).sha256
            else:
                continue
            inputs.append({"name": role, "path": str(path), "sha256": checksum})
        return inputs


class FileJob(SceneJob):
    """A job whose result are files: the scene gets no undo step."""

    def _import(self) -> None:
        try:
            self.nodes = self._importResult(self._job.directory, self)
        except OSError as error:
            text = _("The report could not be written: {reason}. Choose another folder.").format(reason=error)
            self._end("failed", text)
        else:
            self._end("done", "")


def _jsonInput(name: str, content: dict[str, Any], folder: Path) -> dict[str, Any]:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return {"name": name, "path": str(path)}


def _deliver(outputs: dict[str, Path], folder: Path, name: str) -> dict[str, Path]:
    """Copy the files of a finished job to where the user wants them; each appears complete or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    base = "".join(letter if letter.isalnum() or letter in " ._-" else "_" for letter in name).strip(" .") or "report"
    delivered = {}
    for role, source in outputs.items():
        # report.html becomes NAME.html; of several files with one ending each keeps its own name too.
        ending = source.suffix if source.stem == "report" else f"_{source.name}"
        target = folder / f"{base}{ending}"
        partial = target.with_name(target.name + ".partial")
        shutil.copyfile(source, partial)
        partial.replace(target)
        delivered[role] = target
    return delivered
