"""DISA: descriptors whose dot product approximates a patch similarity (Ronchetti et al., MICCAI 2023)."""

from __future__ import annotations

from mambamed.registration.disa.describe import Descriptors
from mambamed.registration.disa.describe import describe_volume
from mambamed.registration.disa.describe import descriptors
from mambamed.registration.disa.network import DISANet
from mambamed.registration.disa.network import clip_norm
from mambamed.registration.disa.prepare import PreparedVolume
from mambamed.registration.disa.prepare import prepare_volume
from mambamed.registration.disa.quantised import QuantisedDescriptors
from mambamed.registration.disa.quantised import quantise

__all__ = [
    "DISANet",
    "Descriptors",
    "PreparedVolume",
    "QuantisedDescriptors",
    "clip_norm",
    "describe_volume",
    "descriptors",
    "prepare_volume",
    "quantise",
]
