from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.errors import BadRequestError
from mambamed.segmentation.brain_recipe import judge
from mambamed.segmentation.brain_recipe.classes import Tissue
from mambamed.segmentation.brain_recipe.judge import dice
from mambamed.segmentation.brain_recipe.judge import intensity_clusters
from mambamed.segmentation.brain_recipe.judge import judge_model
from mambamed.segmentation.brain_recipe.judge import score
from mambamed.segmentation.brain_recipe.judge import summary
from mambamed.segmentation.brain_recipe.judge import tissues_of_dlmuse

SHAPE = (10, 12, 11)
SPACING = (2.0, 1.5, 1.0)


@pytest.fixture
def regions() -> np.ndarray:
    """Fluid around cortex around white matter around a lateral ventricle, in DLMUSE numbers."""
    values = np.zeros(SHAPE, np.uint8)
    values[1:-1, 1:-1, 1:-1] = 1
    values[2:-2, 2:-2, 2:-2] = 106
    values[3:-3, 3:-3, 3:-3] = 82
    values[4:6, 5:7, 4:7] = 51
    return values


def test_dice_of_known_overlap() -> None:
    first = np.array([1, 1, 1, 0, 0], bool)
    second = np.array([0, 1, 1, 1, 0], bool)
    assert dice(first, second) == pytest.approx(2 * 2 / 6)
    assert dice(first & False, second & False) == 1.0


def test_region_numbers_become_tissues() -> None:
    numbers = np.array([0, 1, 4, 35, 38, 52, 59, 95, 100, 207])
    expected = [0, 3, 3, 2, 1, 3, 1, 2, 1, 1]
    assert tissues_of_dlmuse(numbers).tolist() == expected


def test_perfect_prediction_scores_one_everywhere(regions: np.ndarray) -> None:
    scores = score(tissues_of_dlmuse(regions), regions, SPACING)
    assert scores == pytest.approx(dict.fromkeys(scores, 1.0))


def test_missing_ventricle_costs_its_own_score_alone(regions: np.ndarray) -> None:
    tissues = tissues_of_dlmuse(regions)
    tissues[regions == 51] = Tissue.WHITE_MATTER
    scores = score(tissues, regions, SPACING)
    assert scores["ventricles"] == 0.0
    assert scores["white matter"] < 1.0
    assert scores["grey matter"] == scores["brain mask"] == 1.0


@pytest.mark.parametrize(("contrast", "order"), [("T1", (3, 1, 2)), ("FLAIR", (3, 2, 1)), ("T2", (2, 1, 3))])
def test_clusters_are_named_in_the_order_of_the_contrast(
    regions: np.ndarray, contrast: str, order: tuple[int, ...]
) -> None:
    """``order`` names the tissues from dark to bright."""
    truth = tissues_of_dlmuse(regions)
    brightness = {Tissue.GREY_MATTER: 0.0, Tissue.WHITE_MATTER: 0.0, Tissue.CSF: 0.0}
    for rank, tissue in enumerate(order):
        brightness[Tissue(tissue)] = 100.0 * (rank + 1)
    image = np.zeros(SHAPE)
    for tissue, value in brightness.items():
        image[truth == tissue] = value
    image += np.random.default_rng(0).normal(0, 3, SHAPE)
    assert np.array_equal(intensity_clusters(image, truth > 0, contrast), truth)


def write(path: Path, array: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING[::-1])
    sitk.WriteImage(image, str(path))
    return image


def test_judge_reads_the_folder_and_resamples_through_space_and_motion(
    regions: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    motion_mm = (3.0, -5.0, 12.0)
    monkeypatch.setattr(judge, "rigid_motion", lambda t1, scan: sitk.TranslationTransform(3, motion_mm))
    (tmp_path / "nichart").mkdir()
    truth = tissues_of_dlmuse(regions)
    write(tmp_path / "nichart/Subj1_T1_DLMUSE.nii.gz", regions)
    write(tmp_path / "nichart/Subj1_T1.nii.gz", truth.astype(np.float32))
    # The FLAIR scan lies on a grid of its own: one slice less at each end, axes reversed, the head moved.
    flair = sitk.Flip(write(tmp_path / "whole.nii.gz", truth.astype(np.float32))[:, :, 1:-1], [True, True, False])
    flair.SetOrigin(np.add(flair.GetOrigin(), motion_mm))
    sitk.WriteImage(flair, str(tmp_path / "nichart/Subj1_FL.nii.gz"))

    class Copier:
        """A model whose input is the right answer."""

        def predict(self, image: sitk.Image) -> SimpleNamespace:
            array = sitk.GetArrayFromImage(image)
            labels = sitk.GetImageFromArray((array if array.max() <= 3 else array * 0).astype(np.uint8))
            labels.CopyInformation(image)
            return SimpleNamespace(labelmap=labels)

    scans = judge_model(Copier(), tmp_path)
    assert set(scans) == {"Subj1 T1", "Subj1 FLAIR", "ICBM152 T1"}
    for contrast in ("T1", "FLAIR"):
        assert all(value == 1.0 for value in scans[f"Subj1 {contrast}"]["dice"].values())
        assert summary(scans)[f"dice {contrast}"]["grey matter"] == {"mean": 1.0, "standard deviation": 0.0, "cases": 1}
    assert scans["Subj1 T1"]["motion_from_t1_mm"] == 0.0
    assert scans["Subj1 FLAIR"]["motion_from_t1_mm"] == pytest.approx(np.linalg.norm(motion_mm), abs=0.1)
    assert scans["ICBM152 T1"]["dice"]["brain mask"] == 0.0


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match="no scan to judge"):
        judge_model(None, tmp_path)
