"""The parameter node as a request, and back; knows no widget."""

from __future__ import annotations

from typing import Any

from SlicerMambaMedLib.NodeExport import isVolumeUsable
from SlicerMambaMedLib.NodeExport import volumeWarnings
from SlicerMambaMedLib.Text import tr as _

from EmphysemaXAILib.DicomSource import dicomSource
from EmphysemaXAILib.EmphysemaRequest import EmphysemaRequest

__all__ = ["requestOfParameters", "scanText", "showRequest"]

_CONTRAST = {"not known": None, "no": False, "yes": True}


def requestOfParameters(parameters: Any, model: str) -> EmphysemaRequest:
    """Return the request that a parameter node describes.

    Raises:
        ValueError: a text that stands for a number is none, or a value cannot be meant.
    """
    from mambamed.emphysema.acquisition import Acquisition
    from mambamed.emphysema.settings import EXPLANATION_METHODS
    from mambamed.emphysema.settings import EmphysemaSettings

    chosen = {name: getattr(parameters, name) for name in ("patterns", "severity", "explanations")}
    withSeverity = chosen["severity"] or chosen["explanations"]
    settings = EmphysemaSettings(
        compute=("density", *(name for name, isWanted in chosen.items() if isWanted)),
        severity_model=model if withSeverity else None,
        explanation_methods=tuple(parameters.methods) or EXPLANATION_METHODS,
        explanation_class=parameters.explainedClass or None,
        explanation_layer=parameters.layer.strip() or None,
        noise_filter=parameters.noiseFilter,
        gaussian_sigma_mm=parameters.gaussianSigma,
        tracheal_air_calibration=parameters.calibration,
        acquisition=Acquisition(
            kernel=parameters.kernel.strip() or None,
            slice_thickness_mm=_number(parameters.sliceThickness, _("slice thickness")),
            kilovolt_peak=_number(parameters.kilovoltPeak, _("tube voltage")),
            contrast=_CONTRAST[parameters.contrast],
        ),
        device=parameters.device,
        # Files are written when they are asked for, with pictures of the scene.
        report=False,
        dicom_outputs=False,
    )
    return EmphysemaRequest(
        ct=parameters.inputVolume,
        settings=settings,
        lungs=parameters.lungs,
        previous=parameters.previousVolume,
        previousLungs=parameters.previousLungs if parameters.previousVolume is not None else None,
        expert=parameters.expert,
        name=parameters.resultName.strip(),
        show3D=parameters.show3D,
    )


def showRequest(parameters: Any, request: EmphysemaRequest) -> None:
    """Set a parameter node as a request says."""
    settings = request.settings
    parameters.inputVolume = request.ct
    parameters.lungs = request.lungs
    parameters.previousVolume = request.previous
    parameters.previousLungs = request.previousLungs
    parameters.expert = request.expert
    for name in ("patterns", "severity", "explanations"):
        setattr(parameters, name, name in settings.compute)
    parameters.model = settings.severity_model or parameters.model
    parameters.methods = list(settings.explanation_methods)
    parameters.explainedClass = settings.explanation_class or ""
    parameters.layer = settings.explanation_layer or ""
    parameters.noiseFilter = settings.noise_filter
    parameters.gaussianSigma = max(0.1, settings.gaussian_sigma_mm)
    parameters.calibration = settings.tracheal_air_calibration
    parameters.device = settings.device
    acquisition = settings.acquisition
    parameters.kernel = acquisition.kernel or ""
    parameters.sliceThickness = _text(acquisition.slice_thickness_mm)
    parameters.kilovoltPeak = _text(acquisition.kilovolt_peak)
    parameters.contrast = next(text for text, value in _CONTRAST.items() if value is acquisition.contrast)


def scanText(volume: Any) -> str:
    """Return what is known about a scan before it is analyzed: where its acquisition comes from, what is unusual."""
    if isVolumeUsable(volume):
        return ""
    if dicomSource(volume) is not None:
        text = _("The acquisition (kernel, slice thickness, ...) is read from the scan's DICOM files.")
    else:
        text = _("The scan's DICOM files are not here: give kernel and slice thickness under Advanced, if known.")
    return "\n".join([text, *(_("Warning: {text}").format(text=warning) for warning in volumeWarnings(volume))])


def _number(text: str, name: str) -> float | None:
    words = text.strip().replace(",", ".")
    if not words:
        return None
    try:
        return float(words)
    except ValueError:
        message = _("The {name} is given as {text}; a number is expected.")
        raise ValueError(message.format(name=name, text=text)) from None


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
