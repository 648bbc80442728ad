"""Similarity measures for registration, behind one interface (larger is better), and LC2 of patches."""

from __future__ import annotations

from mambamed.registration.similarity.interface import Similarity
from mambamed.registration.similarity.lc2_pairs import lc2_all_pairs
from mambamed.registration.similarity.lc2_patches import lc2
from mambamed.registration.similarity.lc2_patches import lc2_map
from mambamed.registration.similarity.measures import build_similarity
from mambamed.registration.similarity.measures import local_variance
from mambamed.registration.similarity.measures import similarity_names
from mambamed.registration.similarity.mutual_information import mattes_mutual_information
from mambamed.registration.similarity.ncc import global_ncc
from mambamed.registration.similarity.ncc import local_squared_ncc
from mambamed.registration.similarity.self_similarity import mind_ssc

__all__ = [
    "Similarity",
    "build_similarity",
    "global_ncc",
    "lc2",
    "lc2_all_pairs",
    "lc2_map",
    "local_squared_ncc",
    "local_variance",
    "mattes_mutual_information",
    "mind_ssc",
    "similarity_names",
]
