"""The bundled network: its card, its size, and whether it undoes a known deformation of a head, in any contrast."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from engine.registration.deformed import smooth_field
from mambamed.imaging.reading import read_image
from mambamed.models.catalogue import find_model
from mambamed.registration.registration import register
from mambamed.segmentation.brain_recipe.template import template_file

MODEL = "vmambamorph-brain"


@pytest.fixture(scope="module")
def head() -> sitk.Image:
    """The ICBM152 T1 template, without skull, at 3 mm."""
    image = read_image(template_file("t1"))
    size = [int(count * spacing / 3.0) for count, spacing in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    grid = sitk.Image(size, sitk.sitkFloat32)
    grid.SetSpacing((3.0, 3.0, 3.0))
    grid.SetOrigin(image.GetOrigin())
    grid.SetDirection(image.GetDirection())
    return sitk.Resample(sitk.Cast(image, sitk.sitkFloat32), grid, sitk.Transform(3, sitk.sitkIdentity))


def test_the_card_tells_what_it_is() -> None:
    card = find_model(MODEL).card
    assert card.task == "registration"
    assert card.demonstration_only
    assert card.weights[0].bytes < 15_000_000
    measured = {(metric.name, metric.label) for metric in card.metrics}
    assert ("Dice", "T1-T1, after the network") in measured
    assert any("ICBM152" in reference for reference in card.references)


@pytest.mark.parametrize("inverted", [False, True], ids=["one contrast", "two contrasts"])
def test_a_known_deformation_is_found(head: sitk.Image, inverted: bool) -> None:
    field = smooth_field(head, 10.0, sigma=20.0)
    moving = sitk.Resample(head, head, field, sitk.sitkLinear, 0.0)
    if inverted:
        inside = sitk.Cast(moving > 1.0, sitk.sitkFloat32)
        moving = inside * (1.3 * float(sitk.GetArrayViewFromImage(moving).max()) - moving)
    found = register(
        head, moving, f"network:{MODEL}", "deformable", initial="header", search="none", cache=False, device="cpu"
    )
    # moving(x) = head(field(x)): the point p of the head lies where field(x) = p, so field(found(p)) is p again.
    indices = np.argwhere(sitk.GetArrayViewFromImage(head) > 0)[::997, ::-1]
    points = [head.TransformIndexToPhysicalPoint(index.tolist()) for index in indices]
    before = [np.linalg.norm(np.subtract(field.TransformPoint(point), point)) for point in points]
    after = [
        np.linalg.norm(np.subtract(field.TransformPoint(found.transform.TransformPoint(point)), point))
        for point in points
    ]
    assert np.mean(before) > 3.0
    assert np.mean(after) < 0.7 * np.mean(before)
    assert found.quality["folded_percent"] < 0.5
