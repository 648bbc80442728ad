"""Annotations of oriented objects in files: DOTA and YOLO-OBB text, HRSC2016 XML and COCO JSON with angles."""

from __future__ import annotations

from mambamed.detection.annotations.annotated_object import AnnotatedObject
from mambamed.detection.annotations.coco_json import read_coco_json
from mambamed.detection.annotations.dota_text import read_dota_text
from mambamed.detection.annotations.dota_text import write_dota_text
from mambamed.detection.annotations.hrsc_xml import read_hrsc_xml
from mambamed.detection.annotations.yolo_obb_text import read_yolo_obb_text

__all__ = [
    "AnnotatedObject",
    "read_coco_json",
    "read_dota_text",
    "read_hrsc_xml",
    "read_yolo_obb_text",
    "write_dota_text",
]
