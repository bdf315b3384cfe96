"""Tests of landcover.raster."""
