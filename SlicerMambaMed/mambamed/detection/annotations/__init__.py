"""Annotations of oriented objects in files: DOTA text and COCO JSON with angles."""

from __future__ import annotations

from mambamed.detection.annotations.annotated_object import AnnotatedObject
from mambamed.detection.annotations.coco_json import read_coco_json
from mambamed.detection.annotations.dota_text import read_dota_text
from mambamed.detection.annotations.dota_text import write_dota_text

__all__ = ["AnnotatedObject", "read_coco_json", "read_dota_text", "write_dota_text"]
