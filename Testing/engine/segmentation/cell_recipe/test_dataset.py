from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from mambamed.jobs.reporter import NullReporter
from mambamed.segmentation.cell_recipe.dataset import draw_picture
from mambamed.segmentation.cell_recipe.dataset import write_dataset
from mambamed.segmentation.cell_recipe.painting import LOOKS
from mambamed.segmentation.dataset_check import check_dataset
from scipy.ndimage import label


def test_each_picture_depends_on_its_number_alone() -> None:
    first, again, other = (draw_picture(7, number, 96) for number in (3, 3, 4))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])
    assert [draw_picture(0, number, 64)[2] for number in range(len(LOOKS))] == list(LOOKS)


def test_cells_are_whole_and_can_be_seen() -> None:
    seen = 0
    for number in range(10):
        picture, cells, _ = draw_picture(11, number, 128)
        assert picture.dtype == np.uint8
        assert np.ptp(picture) > 50
        for value in np.unique(cells[cells > 0])[:5]:
            pieces = np.bincount(label(cells == value, structure=np.ones((3, 3)))[0].ravel())[1:]
            assert pieces.max() > 0.8 * pieces.sum(), "a cell is one piece, but for slivers beside others"
        if (cells > 0).any() and (cells == 0).any():
            values = picture.astype(float)
            seen += abs(values[cells > 0].mean() - values[cells == 0].mean()) > 0.15 * values.std()
    assert seen >= 7


def test_data_set_is_one_that_nnunet_can_train_on(tmp_path: Path) -> None:
    folder = tmp_path / "Dataset153_Cells"
    write_dataset(folder, 4, 5, NullReporter())
    report = check_dataset(folder)
    assert report.problems == []
    assert len(report.cases) == 4
    classes = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "labelsTr/cells_0001.png")))
    assert set(np.unique(classes)) <= {0, 1, 2}
    assert json.loads((folder / "dataset.json").read_text(encoding="utf-8"))["file_ending"] == ".png"
