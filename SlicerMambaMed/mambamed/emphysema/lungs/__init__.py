"""Lungs, their sides and thirds, trachea and main airways on chest CT, by region growing and morphology."""
