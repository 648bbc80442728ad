"""The recipe of the registration network ``vmambamorph-brain``: synthetic heads, random contrasts."""

from __future__ import annotations

from mambamed.recipes.brain_registration.pairs import make_pairs

__all__ = ["make_pairs"]
