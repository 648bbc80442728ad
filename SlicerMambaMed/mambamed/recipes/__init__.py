"""Recipes of bundled models that draw on more than one task; ``mambamed.segmentation.recipes`` finds them by name."""
