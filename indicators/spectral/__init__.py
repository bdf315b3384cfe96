"""Spectral indices of reflectance, under names that mean one thing only, with formula and source."""
