"""One-pass deformable registration networks: VMambaMorph, MambaMorph, TransMorph, VoxelMorph.

``build`` makes them (VMambaMorph corrected by default), ``from_reference_config`` and ``load_reference_weights``
take the public code's configurations and weights.
"""

from __future__ import annotations

from mambamed.registration.networks.factory import NETWORK_NAMES
from mambamed.registration.networks.factory import build
from mambamed.registration.networks.factory import from_reference_config
from mambamed.registration.networks.output import RegistrationOutput
from mambamed.registration.networks.reference_weights import load_reference_weights

__all__ = ["NETWORK_NAMES", "RegistrationOutput", "build", "from_reference_config", "load_reference_weights"]
