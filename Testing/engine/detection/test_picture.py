"""Drawing found boxes on their picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from engine.detection.scripted_detector import scripted_model
from engine.detection.solid_phantoms import empty_grid
from engine.detection.solid_phantoms import volume_with_solids
from mambamed.detection.picture import draw_detections
from mambamed.detection.picture import main
from mambamed.detection.predict import predict
from mambamed.detection.settings import DetectionSettings
from mambamed.errors import BadRequestError


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_boxes_are_drawn_where_the_object_is(tmp_path: Path, order: list[int]) -> None:
    grid = empty_grid((60, 50, 9), (1, 1, 2), np.eye(3), (0, 0, 0))
    image = sitk.PermuteAxes(volume_with_solids(grid, [((8, -6, 0), np.eye(3), (20, 8, 8), 100)]), order)
    result = predict(scripted_model(), image, DetectionSettings())
    found = json.loads(json.dumps(result.to_json()))
    number = found["boxes"][0]["slice"]
    count = draw_detections(image, found, tmp_path / "drawn.png", number=number, enlarge=4)
    drawn = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "drawn.png")))
    assert count == 1
    coloured = np.ptp(drawn[..., :3].astype(int), axis=-1) > 60
    y, x = np.nonzero(coloured)
    corners = np.array(found["boxes"][0]["corners_px"])
    assert [x.min() / 4 - 0.5, x.max() / 4 - 0.5] == pytest.approx([corners[:, 0].min(), corners[:, 0].max()], abs=1)
    assert [y.min() / 4 - 0.5, y.max() / 4 - 0.5] == pytest.approx([corners[:, 1].min(), corners[:, 1].max()], abs=1)
    with pytest.raises(BadRequestError, match="has 0 to 8"):
        draw_detections(image, found, tmp_path / "drawn.png")


def test_the_command(tmp_path: Path, capsys) -> None:
    values = np.zeros((40, 50), dtype=np.uint8)
    values[10:16, 10:30] = 100
    image = sitk.GetImageFromArray(values)
    sitk.WriteImage(image, str(tmp_path / "a.png"))
    result = predict(scripted_model(), image, DetectionSettings())
    (tmp_path / "detections.json").write_text(json.dumps(result.to_json()), encoding="utf-8")
    main([str(tmp_path / "a.png"), str(tmp_path / "detections.json"), "-o", str(tmp_path / "b.png")])
    assert "1 boxes drawn" in capsys.readouterr().out
    assert (tmp_path / "b.png").is_file()
