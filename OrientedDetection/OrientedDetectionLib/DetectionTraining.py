"""Training of detectors on a folder of images with oriented boxes, or on synthetic pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from SlicerMambaMedLib.SettingsTraining import SettingsTraining
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.TrainingChoices import TrainingChoice
from SlicerMambaMedLib.TrainingChoices import TrainingChoices
from SlicerMambaMedLib.TrainingRequest import TrainingRequest

__all__ = ["DetectionTraining"]

_SYNTHETIC = {"synthetic-ct": "ct", "synthetic-aerial": "aerial"}


class DetectionTraining(SettingsTraining):
    """Trains DCFL and what it is compared with.

    Example, in Slicer's Python console::

        logic = slicer.util.getModuleLogic("OrientedDetection").detection.training
        request = TrainingRequest("Needles", Path("/data/trainings"), folder="/data/needles", source="folder")
        job = logic.start(request)
    """

    TASK = "train-detection"
    SETTINGS = "DetectionTraining"

    def choices(self) -> TrainingChoices:
        """Return what can be chosen, in words and as the engine's settings."""
        from mambamed.detection.training.settings import PRESETS
        from mambamed.detection.training.settings import DetectionTrainingSettings

        names = {"cpu": _("Small, for a CPU"), "paper": _("As published"), "paper-36": _("As published, longer")}
        presets = {}
        for key in sorted(PRESETS, key=lambda name: name != "cpu"):
            settings = {"epochs": DetectionTrainingSettings(synthetic="ct").epochs, **PRESETS[key]}
            text = _("{name}: {epochs} epochs")
            presets[key] = (text.format(name=names.get(key, key), epochs=settings["epochs"]), settings)
        return TrainingChoices(
            sources=(
                (_("Folder"), "folder"),
                (_("Synthetic nodules, vessels, needles"), "synthetic-ct"),
                (_("Synthetic ships and vehicles"), "synthetic-aerial"),
            ),
            folderToolTip=_(
                "Folder with images/ and labelTxt/ (DOTA), labels/ (YOLO-OBB), Annotations/ (HRSC2016) or "
                "annotations.json (COCO)"
            ),
            choices=(
                TrainingChoice(
                    "method",
                    _("&Method:"),
                    _("How the network learns which of its boxes belong to which object"),
                    ((_("DCFL"), "dcfl"), (_("RetinaNet-O"), "retinanet-o"), (_("ATSS-O"), "atss-o")),
                ),
            ),
            presets=presets,
            metrics=("class loss", "box loss"),
            axis=_("Loss"),
            steps=_("Step"),
            summary=_("Step {step}: class loss {0:.3f}, box loss {1:.3f}"),
        )

    def problemsOfCases(self, request: TrainingRequest) -> tuple[list[str], int]:
        """Return one sentence for everything that is wrong with the images, and how many there are."""
        if request.source in _SYNTHETIC:
            return [], 1
        if not request.folder:
            return [_("Choose a folder of images with oriented boxes, or synthetic pictures.")], 0
        if not Path(request.folder).is_dir():
            return [_("The folder {folder} does not exist.").format(folder=request.folder)], 0
        return [], 1

    def describe(self, request: TrainingRequest) -> str:
        """Say in a line what a training without problems will learn from."""
        settings = self.settingsOf(request)
        if settings.synthetic:
            text = _("{count} synthetic pictures of {size} x {size} pixels, and {test} others to measure on.")
            return text.format(
                count=settings.synthetic_images, size=settings.synthetic_size_px, test=settings.synthetic_test_images
            )
        text = _("Images of {folder}; {share} % of them are held out to measure on.")
        return text.format(folder=Path(settings.dataset).name, share=round(100 * settings.held_out_share))

    def settingsOf(self, request: TrainingRequest) -> Any:
        """Return the engine's settings; BadRequestError, a ValueError, tells what is wrong with them."""
        from mambamed.detection.training.settings import DetectionTrainingSettings

        synthetic = _SYNTHETIC.get(request.source, "")
        # Without a folder the settings are still looked at; that it is missing is said elsewhere.
        source = {"synthetic": synthetic} if synthetic else {"dataset": request.folder or "/"}
        return DetectionTrainingSettings.from_json({**(request.settings or {}), **source})
