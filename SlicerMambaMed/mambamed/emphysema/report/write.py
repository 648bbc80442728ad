"""Makes the report of an analysis: draws what was not drawn yet and writes HTML and PDF."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import SimpleITK as sitk

from mambamed.emphysema.report.charts import deletion_chart
from mambamed.emphysema.report.charts import histogram_chart
from mambamed.emphysema.report.charts import pattern_chart
from mambamed.emphysema.report.charts import percent_per_hu
from mambamed.emphysema.report.charts import severity_chart
from mambamed.emphysema.report.document import Picture
from mambamed.emphysema.report.html import render_html
from mambamed.emphysema.report.measure_text import method_title
from mambamed.emphysema.report.overlays import OverlayPainter
from mambamed.emphysema.report.pdf import render_pdf
from mambamed.emphysema.report.sections import build_document
from mambamed.errors import BadRequestError
from mambamed.imaging.writing import replace_atomically
from mambamed.models.catalogue import find_model

if TYPE_CHECKING:
    from mambamed.emphysema import EmphysemaResult

__all__ = ["LabelImage", "cards_of_record", "draw_charts", "draw_overlays", "joined", "write_files", "write_report"]

LabelImage = tuple[sitk.Image, Sequence[Mapping[str, Any]]]
_CAPTIONS = {
    "regions": "Regions of the lungs.",
    "low_attenuation": "Low attenuation in the lungs.",
    "patterns": "Local patterns.",
}
_HISTOGRAM_REGIONS = 3  # whole, left and right lung; more lines could not be told apart


def write_report(
    result: EmphysemaResult,
    ct: sitk.Image,
    html_path: Path,
    pdf_path: Path | None = None,
    pictures: Sequence[tuple[str, Path]] = (),
) -> None:
    """Write the report of an analysis.

    Args:
        result: what ``analyze`` returned.
        ct: the CT that was analyzed, in HU.
        html_path: HTML file; an existing one is replaced.
        pdf_path: PDF file, or None for none.
        pictures: caption and PNG file of pictures of the overlays; drawn here if none are given.
    """
    record = result.record
    label_images: dict[str, LabelImage] = {}
    images = {
        "regions": result.thirds,
        "low_attenuation": result.low_attenuation,
        "patterns": result.patterns.labelmap if result.patterns is not None else None,
    }
    for name, image in images.items():
        if image is not None:
            label_images[name] = (image, record.get("labels", {}).get(name, ()))
    edges = list(result.histograms.edges_hu)
    centres = [(low + high) / 2 for low, high in pairwise(edges)]
    percent = {region: percent_per_hu(edges, counts.tolist()) for region, counts in result.histograms.counts.items()}
    drawn = draw_charts(record, centres, percent)
    if pictures:
        drawn["overlays"] = [Picture(Path(path).read_bytes(), caption) for caption, path in pictures]
    else:
        drawn = joined(draw_overlays(ct, label_images, result.maps), drawn)
    write_files(record, drawn, html_path, pdf_path)


def draw_charts(
    record: Mapping[str, Any], centres_hu: Sequence[float], percent: Mapping[str, Sequence[float]]
) -> dict[str, list[Picture]]:
    """Return the charts of a record by the section in which they stand.

    Args:
        record: the run record.
        centres_hu: middle of the bins of the histogram; empty for no histogram.
        percent: region name to its histogram in percent per HU.
    """
    drawn: dict[str, list[Picture]] = {}
    if len(centres_hu):
        shown = dict(list(percent.items())[:_HISTOGRAM_REGIONS])
        thresholds = record.get("settings", {}).get("low_attenuation_thresholds_hu") or (-950.0,)
        drawn["histogram"] = [histogram_chart(centres_hu, shown, thresholds)]
    patterns = (record.get("patterns") or {}).get("percent")
    if patterns:
        drawn["patterns"] = [pattern_chart(patterns)]
    if record.get("severity"):
        drawn["severity"] = [severity_chart(record["severity"])]
    deletion = deletion_chart(record.get("explanations") or {})
    if deletion is not None:
        drawn["explanations"] = [deletion]
    return drawn


def joined(first: Mapping[str, Sequence[Picture]], then: Mapping[str, Sequence[Picture]]) -> dict[str, list[Picture]]:
    """Return the pictures of both by section; within a section those of ``first`` stand first."""
    return {section: [*first.get(section, ()), *then.get(section, ())] for section in {**first, **then}}


def draw_overlays(
    ct: sitk.Image, label_images: Mapping[str, LabelImage], maps: Mapping[str, sitk.Image]
) -> dict[str, list[Picture]]:
    """Return pictures of the CT with labels and heat maps over it, by section.

    Args:
        ct: the CT in HU.
        label_images: ``regions`` (needed), ``low_attenuation``, ``patterns``: label map and its labels.
        maps: explanation method to heat map.
    """
    painter = OverlayPainter(ct, label_images["regions"][0])
    drawn: dict[str, list[Picture]] = {"overlays": [], "patterns": [], "explanations": []}
    for name, (image, labels) in label_images.items():
        section = "patterns" if name == "patterns" else "overlays"
        drawn[section].append(painter.labels(image, labels, _CAPTIONS.get(name, f"{name}.")))
    for method, image in maps.items():
        drawn["explanations"].append(painter.heat_map(image, f"{method_title(method)}."))
    return {section: pictures for section, pictures in drawn.items() if pictures}


def write_files(
    record: Mapping[str, Any],
    pictures: Mapping[str, Sequence[Picture]],
    html_path: Path | None,
    pdf_path: Path | None,
    case: str = "",
) -> None:
    """Write the report of a record with these pictures; each file appears complete or not at all."""
    document = build_document(record, case, pictures, cards_of_record(record))
    if html_path is not None:
        with replace_atomically(html_path, overwrite=True) as temporary:
            temporary.write_text(render_html(document), encoding="utf-8")
    if pdf_path is not None:
        with replace_atomically(pdf_path, overwrite=True) as temporary:
            render_pdf(document, temporary, float(record.get("finished") or 0.0))


def cards_of_record(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the cards of the models that a run has used, each once; a model that is gone has none."""
    cards: dict[str, dict[str, Any]] = {}
    for part in ("patterns", "severity"):
        model = (record.get(part) or {}).get("model") or {}
        card = model.get("card")
        if not isinstance(card, Mapping) and model.get("id"):
            try:
                card = find_model(str(model["id"])).card.to_json()
            except BadRequestError:
                card = None
        if isinstance(card, Mapping):
            cards[str(card.get("id"))] = dict(card)
    return list(cards.values())
