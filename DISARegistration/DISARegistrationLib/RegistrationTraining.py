"""Training of deformable registration networks on a folder of images, on random shapes, or on synthetic heads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from SlicerMambaMedLib.SettingsTraining import SettingsTraining
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.TrainingChoices import TrainingChoice
from SlicerMambaMedLib.TrainingChoices import TrainingChoices
from SlicerMambaMedLib.TrainingRequest import TrainingRequest

__all__ = ["PRESETS", "RegistrationTraining"]

PRESETS: dict[str, dict[str, Any]] = {
    "small": {
        "epochs": 40,
        "grid_shape": (48, 64, 48),
        "spacing_mm": 3.0,
        "iterations": 100,
        "validation_pairs": 4,
        "arguments": {"embed_dim": 32, "downsize": 2},
    },
    "paper": {},
}
"""Grid, width and length to choose from; the second is the paper's, which wants a graphics card."""
_QUICKER = {"self_similarity": True, "matching_radius": 2}
"""What lets small networks with features learn in hours on a CPU."""
_RECIPE = "vmambamorph-brain"
_IMAGES, _LABELS = "images", "labels"


class RegistrationTraining(SettingsTraining):
    """Trains VMambaMorph and what it is compared with.

    A folder holds ``images`` and, with the same file names, ``labels``; without label maps images are compared by
    MIND descriptors.

    Example, in Slicer's Python console::

        logic = slicer.util.getModuleLogic("DISARegistration").training
        request = TrainingRequest("Knees", Path("/data/trainings"), folder="/data/knees", source="folder")
        job = logic.start(request)
    """

    TASK = "train-registration"
    SETTINGS = "RegistrationTraining"

    def choices(self) -> TrainingChoices:
        """Return what can be chosen, in words and as the engine's settings."""
        from mambamed.registration.network_training_settings import PRESETS as ENGINE_PRESETS

        names = {"small": _("Small, for a CPU"), "paper": _("As published")}
        text = _("{name}: {epochs} epochs of {pairs} pairs at {spacing} mm")
        presets = {}
        for key, own in PRESETS.items():
            settings = {**self._defaults(), **ENGINE_PRESETS.get(key, {}), **own}
            settings.pop("architecture", None)
            words = text.format(
                name=names[key],
                epochs=settings["epochs"],
                pairs=settings["iterations"],
                spacing=f"{settings['spacing_mm']:g}",
            )
            presets[key] = (words, settings)
        architectures = ("vmambamorph_feat", "vmambamorph", "mambamorph_feat", "transmorph_feat", "voxelmorph_feat")
        words = (_("VMambaMorph, features"), "VMambaMorph", _("MambaMorph, features"), _("TransMorph, features"))
        return TrainingChoices(
            sources=(
                (_("Folder"), "folder"),
                (_("Synthetic heads"), _RECIPE),
                (_("Random shapes"), "shapes"),
            ),
            folderToolTip=_(
                "Folder with images/ (one per person, of the same anatomy) and, with the same file names, labels/"
            ),
            choices=(
                TrainingChoice(
                    "architecture",
                    _("&Network:"),
                    _("What predicts the deformation"),
                    tuple(zip((*words, _("VoxelMorph, features")), architectures, strict=True)),
                ),
            ),
            presets=presets,
            metrics=("training: validation loss", "training: dice"),
            axis=_("Held-out pairs: loss, Dice"),
            steps=_("Epoch"),
            summary=_("Epoch {step}: held-out pairs have loss {0:.3f}, Dice {1:.3f}"),
        )

    def problemsOfCases(self, request: TrainingRequest) -> tuple[list[str], int]:
        """Return one sentence for everything that is wrong with the images, and how many there are."""
        if request.source != "folder":
            return [], 1
        if not request.folder:
            return [_("Choose a folder of images, synthetic heads or random shapes.")], 0
        images = Path(request.folder) / _IMAGES
        if not images.is_dir():
            text = _("The folder {folder} has no folder {name} with one image per person.")
            return [text.format(folder=request.folder, name=_IMAGES)], 0
        count = sum(1 for file in images.iterdir() if file.is_file())
        if count < 2:
            text = _("The folder {folder} holds {count} files; images of two persons or more are needed.")
            return [text.format(folder=images, count=count)], count
        return [], count

    def describe(self, request: TrainingRequest) -> str:
        """Say in a line what a training without problems will learn from."""
        settings = self.settingsOf(request)
        if settings.recipe:
            return _("Pairs of {count} synthetic heads in random contrasts.").format(count=settings.synthetic_maps)
        if settings.shapes:
            return _("Random shapes in random contrasts; no data are needed.")
        text = _("Images of {folder}, aligned first, compared by their labels.")
        if not settings.labels:
            text = _("Images of {folder}, aligned first, compared by MIND descriptors: there are no labels.")
        return text.format(folder=Path(request.folder).name)

    @staticmethod
    def _defaults() -> dict[str, Any]:
        from mambamed.registration.network_training_settings import NetworkTrainingSettings

        usual = NetworkTrainingSettings(shapes=True)
        return {name: getattr(usual, name) for name in ("epochs", "iterations", "grid_shape", "spacing_mm")}

    def settingsOf(self, request: TrainingRequest) -> Any:
        """Return the engine's settings; BadRequestError, a ValueError, tells what is wrong with them."""
        from mambamed.registration.network_recipes import NETWORK_RECIPES
        from mambamed.registration.network_training_settings import NetworkTrainingSettings

        chosen = dict(request.settings or {})
        architecture = str(chosen.get("architecture", "vmambamorph_feat"))
        if architecture.startswith("voxelmorph"):
            chosen.pop("arguments", None)  # it is small as it is
        elif chosen.get("arguments") and architecture.endswith("_feat"):
            chosen["arguments"] = {**chosen["arguments"], **_QUICKER}
        if request.source == _RECIPE:
            # The recipe knows its own network, grid and losses; only the length and the device are chosen.
            kept = {name: chosen[name] for name in ("epochs", "iterations", "device") if name in chosen}
            return NetworkTrainingSettings.from_json({**NETWORK_RECIPES[_RECIPE].defaults, **kept, "recipe": _RECIPE})
        if request.source == "shapes":
            return NetworkTrainingSettings.from_json({**chosen, "shapes": True})
        # Without a folder the settings are still looked at; that it is missing is said elsewhere.
        folder = Path(request.folder or "/")
        labels = folder / _LABELS
        source = {"images": str(folder / _IMAGES)}
        source |= {"labels": str(labels)} if labels.is_dir() else {"image_loss": "mind"}
        return NetworkTrainingSettings.from_json({**chosen, **source})
