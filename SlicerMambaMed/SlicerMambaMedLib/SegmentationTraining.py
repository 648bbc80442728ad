"""Training of segmentation models on cases of the scene or of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.TrainingCases import exportPairs
from SlicerMambaMedLib.TrainingCases import findPairs
from SlicerMambaMedLib.TrainingCases import labelsOfPairs
from SlicerMambaMedLib.TrainingCases import problemsOfPairs
from SlicerMambaMedLib.TrainingChoices import TrainingChoice
from SlicerMambaMedLib.TrainingChoices import TrainingChoices
from SlicerMambaMedLib.TrainingLogic import TrainingLogic
from SlicerMambaMedLib.TrainingRequest import ScenePair
from SlicerMambaMedLib.TrainingRequest import TrainingRequest

__all__ = ["PRESETS", "SegmentationTraining"]

PRESETS: dict[str, dict[str, int]] = {
    "quick": {"epochs": 50, "iterations": 50, "validation_iterations": 10},
    "standard": {"epochs": 250, "iterations": 250, "validation_iterations": 50},
    "full": {"epochs": 1000, "iterations": 250, "validation_iterations": 50},
}
"""Lengths to choose from; the last is nnU-Net's own."""
_SMALLEST_CROSS_VALIDATION = 5
_SCENE_DATASET = "Dataset901"


class SegmentationTraining(TrainingLogic):
    """Trains nnU-Net and U-Mamba networks.

    Example, in Slicer's Python console::

        logic = slicer.util.getModuleLogic("SlicerMambaMed").training
        request = TrainingRequest("Liver", Path("/data/trainings"), folder="/data/livers", settings={"epochs": 100})
        job = logic.start(request)
    """

    TASK = "train-segmentation"

    def choices(self) -> TrainingChoices:
        """Return what can be chosen, in words and as the engine's settings."""
        from mambamed.segmentation.architectures import ARCHITECTURES

        names = {"quick": _("Quick"), "standard": _("Standard"), "full": _("Full (nnU-Net)")}
        text = _("{name}: {epochs} epochs of {batches} batches")
        folds = [(_("All cases"), "all")]
        folds += [(_("Fold {number} of 5").format(number=fold + 1), str(fold)) for fold in range(5)]
        return TrainingChoices(
            sources=((_("Folder"), "folder"), (_("Scene"), "scene")),
            folderToolTip=_(
                "nnU-Net data set, Medical Segmentation Decathlon, BIDS, folders images and labels, or pairs like "
                "a.nii.gz and a_seg.nii.gz"
            ),
            choices=(
                TrainingChoice(
                    "architecture",
                    _("&Architecture:"),
                    _("Network that is trained; its plan, batch and patch come from nnU-Net"),
                    tuple((choice.title, key) for key, choice in ARCHITECTURES.items()),
                ),
                TrainingChoice(
                    "configuration",
                    _("C&onfiguration:"),
                    _("Whether volumes are seen whole in 3D or slice by slice"),
                    ((_("3D, full resolution"), "3d_fullres"), (_("2D, slice by slice"), "2d")),
                ),
                TrainingChoice(
                    "fold", _("Fold:"), _("Train on all cases, or leave a fifth out to measure on"), tuple(folds)
                ),
            ),
            presets={
                key: (text.format(name=names[key], epochs=lengths["epochs"], batches=lengths["iterations"]), lengths)
                for key, lengths in PRESETS.items()
            },
            metrics=("training loss", "validation loss", "validation Dice"),
            axis=_("Loss and Dice"),
            steps=_("Epoch"),
            summary=_("Epoch {step}: loss {0:.3f}, validation loss {1:.3f}, Dice {2:.3f}"),
        )

    def pairs(self) -> list[ScenePair]:
        """Return the cases that the scene has."""
        return findPairs(self.scene)

    def problemsOfCases(self, request: TrainingRequest) -> tuple[list[str], int]:
        """Return one sentence for everything that is wrong with the cases, and how many there are."""
        if not request.folder and not request.pairs:
            return [_("Choose a folder of cases, or draw segmentations in this scene.")], 0
        if not request.folder:
            return problemsOfPairs(request.pairs), len(request.pairs)
        from mambamed.segmentation.dataset_source import read_dataset_source

        source = read_dataset_source(Path(request.folder))
        return list(source.problems), len(source.cases)

    def problemsOfSettings(self, request: TrainingRequest, count: int) -> list[str]:
        """Return one sentence for everything that is wrong with the settings for so many cases."""
        try:
            settings = self._settings(request, request.folder or "/")
        except ValueError as error:
            return [str(error)]
        if settings.fold != "all" and 0 < count < _SMALLEST_CROSS_VALIDATION:
            text = _("Cross-validation needs {least} cases or more; there are {count}. Train on all of them.")
            return [text.format(least=_SMALLEST_CROSS_VALIDATION, count=count)]
        return []

    def describe(self, request: TrainingRequest) -> str:
        """Say in a line what a training without problems will learn from."""
        if request.folder:
            from mambamed.segmentation.dataset_source import read_dataset_source

            source = read_dataset_source(Path(request.folder))
            names = [name for name in source.labels if name not in ("background", "ignore")]
            count, channels = len(source.cases), ", ".join(source.channels)
        else:
            names = [label.name for label in labelsOfPairs(request.pairs)]
            count, channels = len(request.pairs), _("image")
        text = _("{count} case(s); channels: {channels}; labels: {labels}.")
        return text.format(count=count, channels=channels, labels=", ".join(names) or _("those in the label maps"))

    def engineSettings(self, request: TrainingRequest, folder: Path) -> tuple[dict[str, Any], list[str]]:
        """Return the engine's settings as JSON, and warnings; cases of the scene are written into the folder."""
        cases, warnings = request.folder, []
        if not cases:
            cases = str(folder / "cases" / f"{_SCENE_DATASET}_{self.plainName(request.name)}")
            warnings = exportPairs(request.pairs, Path(cases))
        return dict(self._settings(request, cases).to_json()), warnings

    @staticmethod
    def _settings(request: TrainingRequest, cases: str) -> Any:
        """Return the engine's settings; BadRequestError, a ValueError, tells what is wrong with them."""
        from mambamed.segmentation.training_settings import SegmentationTrainingSettings

        return SegmentationTrainingSettings.from_json({**(request.settings or {}), "dataset": cases})
